#!/usr/bin/env python3
"""A response of a million rows over HTTP, and the memory that the server takes for it.

    bench/http/stream.py --build build/release [--rows N]

The rows of a list that is written while it is read are counted and added up; the most memory that
the server had meanwhile (VmHWM) may be at most 8 MB more than before. The same rows with a
pageInfo, which is known only behind the last of them, are one response that is made as a whole: it
is larger than the server's limit and says so. Exits with 1 if any of this is not so.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

PORT = 18220
MORE_MAX = 8 << 20
STREAMED = "{ numbers { items { id n } } }"
WHOLE = "{ numbers { items { id n } pageInfo { hasNextPage } } }"


def resident_most(pid):
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"^VmHWM:\s+(\d+)", text, re.M).group(1)) * 1024


def forget_most(pid):
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="utf-8")


def ask(document):
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}/graphql",
                                     data=json.dumps({"query": document}).encode(),
                                     headers={"Content-Type": "application/json"})
    try:
        return urllib.request.urlopen(request, timeout=120)
    except urllib.error.HTTPError as error:
        return error


def add_up(response):
    """Rows, the sum of their numbers, and bytes, with no more of the response than a piece."""
    rows = total = size = 0
    rest = b""
    while piece := response.read(1 << 16):
        size += len(piece)
        *whole, rest = (rest + piece).split(b"}")
        for row in whole:
            number = row.rpartition(b'"n":')[2]
            if number.isdigit():
                rows += 1
                total += int(number)
    return rows, total, size


def check(quire, rows):
    sdl = "type Number { id: ID! @id  n: Int! }\n"
    Path("schema.graphql").write_text(sdl, encoding="utf-8")
    with open("Number.jsonl", "w", encoding="utf-8") as file:
        for i in range(rows):
            file.write(f'{{"id":"number-{i:08}","n":{i}}}\n')
    subprocess.run([quire, "load", "numbers.quire", "--schema", "schema.graphql", "--data",
                    "Number.jsonl"], check=True, stdout=subprocess.DEVNULL)
    with subprocess.Popen([quire, "serve", "numbers.quire", "--port", str(PORT)],
                          stdout=subprocess.PIPE, text=True) as server:
        try:
            server.stdout.readline()
            with ask(STREAMED) as response:  # fills the cache
                add_up(response)
            before = resident_most(server.pid)
            forget_most(server.pid)
            with ask(STREAMED) as response:
                found, total, size = add_up(response)
            more = resident_most(server.pid) - before
            with ask(WHOLE) as response:
                refused = '"LIMIT"' in response.read(1 << 16).decode(errors="replace")
        finally:
            server.send_signal(signal.SIGTERM)
    return {"rows": found, "right": found == rows and total == rows * (rows - 1) // 2,
            "bytes": size, "memory": before, "memoryMore": max(more, 0), "wholeRefused": refused}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, help="a build directory")
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--directory", default=".", help="where the database is put")
    arguments = parser.parse_args()
    quire = (Path(arguments.build) / "tools" / "quire").resolve()
    scratch = Path(tempfile.mkdtemp(dir=arguments.directory)).resolve()
    os.chdir(scratch)
    try:
        result = check(str(quire), arguments.rows)
    finally:
        os.chdir(scratch.parent)
        shutil.rmtree(scratch, ignore_errors=True)
    print(json.dumps({"bench": "http-stream", **result}))
    good = result["right"] and result["memoryMore"] <= MORE_MAX
    # Few rows are within the limit of a response, 16 MiB.
    return 0 if good and (result["wholeRefused"] or arguments.rows < 1000000) else 1


if __name__ == "__main__":
    sys.exit(main())
