#!/usr/bin/env python3
"""Counts what one operation of each hot path takes, and prints it as a table.

    bench/hot_paths.py --program build/bench/quire-hot-paths
    bench/hot_paths.py --program build/bench/quire-hot-paths --operations get,scan --top 10

Each operation is performed N and 2 N times, and the difference divided by N: what
only the first ones do cancels out. Instructions are those of the calling thread
within the operation's function, counted by valgrind; what the kernel does is not
among them. The other figures are the library's own counters. No clock is read, so
the figures do not depend on what else the machine does. --top names the functions
with the most instructions of their own. Needs nothing but Python 3 and valgrind.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# How often each operation is performed; twice as often in the second run.
COUNTS = {
    "snapshot": 10000,
    "begin-get": 10000,
    "get": 10000,
    "get-many": 2000,
    "scan": 40000,
    "key-get": 10000,
    "key-scan": 40000,
    "hash-lookup": 10000,
    "index-row": 10000,
    "graphql-first": 500,
    "graphql-id": 500,
    "graphql-prepared": 500,
    "graphql-list": 50,
    "insert-append": 20000,
    "insert-random": 10000,
    "update-random": 10000,
    "commit": 200,
    "open-close": 50,
}

COLUMNS = {
    "instructions": "instructions",
    "allocations": "allocations",
    "bytesAllocated": "bytes allocated",
    "pageVisits": "page visits",
    "pageReads": "page reads",
    "pageCopies": "page copies",
    "logFrames": "log frames",
    "logBytes": "log bytes",
    "syncs": "syncs",
}


def run(command):
    """Standard output of a command, which must succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode != 0:
        sys.stderr.write(done.stderr)
        raise SystemExit(f"hot_paths: {command[0]} failed with {done.returncode}")
    return done.stdout


def functions(profile):
    """Instructions of its own of each function in a profile."""
    text = run(["callgrind_annotate", "--threshold=100", "--auto=no", "--show-percs=no", profile])
    counts = {}
    for line in text.splitlines():
        match = re.match(r"\s*([\d,]+)\s+\S*?:(\S+)(?: \[.*\])?\s*$", line)
        if match:
            # What link-time optimisation adds to a name.
            name = re.sub(r"(\.(lto_priv|constprop|isra|part)\.\d+)+", "", match.group(2))
            counts[name] = counts.get(name, 0) + int(match.group(1).replace(",", ""))
    return counts


def instructions(profile):
    for line in Path(profile).read_text(encoding="utf-8").splitlines():
        if line.startswith(("totals:", "summary:")):
            return int(line.split()[1])
    raise SystemExit(f"hot_paths: {profile} has no total")


class Bench:
    """The program and a filled database, of which each run gets a copy."""

    def __init__(self, program, directory):
        self.program = program
        self.directory = Path(directory)
        self.filled = self.directory / "filled"
        run([program, str(self.filled), "snapshot", "1"])

    def perform(self, operation, count, profiled):
        """Counters of `count` operations, or the profile of them."""
        used = self.directory / "used"
        shutil.copyfile(self.filled, used)
        shutil.copyfile(f"{self.filled}-wal", f"{used}-wal")
        tail = [str(used), operation, str(count)]
        if not profiled:
            return json.loads(run([self.program, "--pages", *tail]))
        profile = str(self.directory / f"profile-{count}")
        function = "run_" + operation.replace("-", "_")
        run(["valgrind", "--tool=callgrind", f"--toggle-collect={function}",
             f"--callgrind-out-file={profile}", self.program, *tail])
        return profile

    def measure(self, operation, top):
        """What one operation takes, and its `top` functions."""
        count = COUNTS[operation]
        few, many = (self.perform(operation, n, False) for n in (count, 2 * count))
        result = {name: (many[name] - few[name]) / count for name in COLUMNS if name in few}
        few, many = (self.perform(operation, n, True) for n in (count, 2 * count))
        result["instructions"] = (instructions(many) - instructions(few)) / count
        if not top:
            return result, []
        few, many = functions(few), functions(many)
        own = [((many[name] - few.get(name, 0)) / count, name) for name in many]
        return result, sorted(own, reverse=True)[:top]


def figure(value):
    """A figure as the table shows it: whole from a hundred on, else two places at most."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}".rstrip("0").rstrip(".")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="the quire-hot-paths program")
    parser.add_argument("--operations", default=",".join(COUNTS),
                        type=lambda text: text.split(","), help="only these, comma-separated")
    parser.add_argument("--top", type=int, default=0,
                        help="name so many functions of each operation")
    parser.add_argument("--directory", default=".", help="where the databases are put")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.operations if name not in COUNTS]
    if unknown:
        parser.error(f"there is no operation {unknown[0]}")

    tops = {}
    print("| operation | " + " | ".join(COLUMNS.values()) + " |")
    print("|---|" + "---:|" * len(COLUMNS))
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        bench = Bench(arguments.program, directory)
        for operation in arguments.operations:
            result, tops[operation] = bench.measure(operation, arguments.top)
            cells = [figure(result[name]) for name in COLUMNS]
            print(f"| {operation} | " + " | ".join(cells) + " |", flush=True)
    for operation, top in tops.items():
        if top:
            print(f"\n{operation}:")
        for count, name in top:
            print(f"  {figure(count):>10}  {name}")


if __name__ == "__main__":
    main()
