#!/usr/bin/env python3
"""Counts the instructions of the requests of `quire-bench graphql`, and prints a table.

    bench/graphql_counts.py --program build/bench/quire-bench
    bench/graphql_counts.py --program build/bench/quire-bench --queries Q1,Q4 --top 10

Each request is answered N and 2 N times and the difference divided by N, as in
bench/hot_paths.py; what is counted is the call of quire_graphql, which a program that
was optimised at link time no longer has. --top names the functions with the most
instructions of their own.
Needs nothing but Python 3 and valgrind. No clock is read.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from hot_paths import figure, functions, instructions, run

# How often each request is answered, twice as often in the second run: multiples of the number of
# its variants, so that what the second half reads is in the cache.
COUNTS = {"Q1": 1024, "Q2": 20, "Q3": 64, "Q4": 28, "Q4c": 20, "Q5": 500, "Q6": 5}


class Bench:
    """The program and a filled database, of which each run gets a copy."""

    def __init__(self, program, directory, users):
        self.program = program
        self.directory = Path(directory)
        self.users = str(users)
        self.filled = self.directory / "filled"
        self.filled.mkdir()
        run([*self.command(self.filled, "Q1", 1)])

    def command(self, directory, query, count, prepared=False):
        return [self.program, "graphql", "--users", self.users, "--directory", str(directory),
                *(["--prepared"] if prepared else []), "--perform", query, str(count)]

    def profile(self, query, count, prepared):
        used = self.directory / "used"
        shutil.rmtree(used, ignore_errors=True)
        shutil.copytree(self.filled, used)
        profile = str(self.directory / f"profile-{count}")
        run(["valgrind", "--tool=callgrind", "--toggle-collect=quire_graphql",
             f"--callgrind-out-file={profile}", *self.command(used, query, count, prepared)])
        return profile

    def measure(self, query, prepared, top):
        """Instructions of one request, and its `top` functions."""
        count = COUNTS[query]
        few, many = (self.profile(query, n, prepared) for n in (count, 2 * count))
        total = (instructions(many) - instructions(few)) / count
        if total <= 0:
            sys.exit(f"{self.program} has no calls of quire_graphql to count: build it without "
                     "QUIRE_LTO")
        if not top:
            return total, []
        few, many = functions(few), functions(many)
        own = [((many[name] - few.get(name, 0)) / count, name) for name in many]
        return total, sorted(own, reverse=True)[:top]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="the quire-bench program")
    parser.add_argument("--queries", default=",".join(COUNTS),
                        type=lambda text: text.split(","), help="only these, comma-separated")
    parser.add_argument("--users", type=int, default=10000, help="size of the data")
    parser.add_argument("--top", type=int, default=0, help="name so many functions of each")
    parser.add_argument("--directory", default=".", help="where the databases are put")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.queries if name not in COUNTS]
    if unknown:
        parser.error(f"there is no query {unknown[0]}")

    print("| request | instructions | prepared |\n|---|---:|---:|")
    tops = {}
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        bench = Bench(arguments.program, directory, arguments.users)
        for query in arguments.queries:
            total, tops[query] = bench.measure(query, False, arguments.top)
            prepared, _ = bench.measure(query, True, 0)
            print(f"| {query} | {figure(total)} | {figure(prepared)} |", flush=True)
    for query, top in tops.items():
        if top:
            print(f"\n{query}:")
        for count, name in top:
            print(f"  {figure(count):>10}  {name}")


if __name__ == "__main__":
    main()
