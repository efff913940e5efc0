#!/usr/bin/env python3
"""Runs clang-tidy over what ships.

    lint_tidy.py BUILD ALL

BUILD holds compile_commands.json. A file is passed over when neither it, nor
anything it includes, nor .clang-tidy has changed since it last came out clean;
ALL not 0 looks at every file, and the analyzer follows three times as many
states of a function before it lets go of it, which takes four times as long.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Of a function, in the analyzer. The few that have more would have most of its time.
STATES_MAX = 75000
FOLDERS = ("base", "wal", "pager", "btree", "catalog", "engine", "graphql", "tools", "examples")


def fingerprint(entry, config):
    """A digest of the preprocessed source and the configuration."""
    words = shlex.split(entry["command"])
    keep = [w for i, w in enumerate(words)
            if w not in ("-c", "-o") and (i == 0 or words[i - 1] != "-o")]
    text = subprocess.run(keep + ["-E"], cwd=entry["directory"], capture_output=True, check=True)
    return hashlib.sha256(config + text.stdout).hexdigest()


def check(entry, build, config, everything):
    """Returns the complaints about one file, or an empty text."""
    name = pathlib.Path(entry["file"]).relative_to(ROOT)
    stamp = build / "tidy" / (str(name).replace("/", "_") + ".clean")
    digest = fingerprint(entry, config)
    if not everything and stamp.exists() and stamp.read_text() == digest:
        return ""
    command = ["clang-tidy", "--quiet", "-p", str(build), entry["file"]]
    if name.parts[0] not in ("tools", "examples") and str(name) != "base/error.c":
        command += ["--extra-arg=-include", f"--extra-arg={ROOT / '.ci' / 'analyzer.h'}",
                    "--extra-arg=-D_GNU_SOURCE=", "--extra-arg=-Wno-unused-value"]
    if not everything:
        for word in ("-Xclang", "-analyzer-config", "-Xclang", f"max-nodes={STATES_MAX}"):
            command.append(f"--extra-arg={word}")
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(digest)
        return ""
    return result.stdout or result.stderr or f"{name}: clang-tidy ended with {result.returncode}"


def brief(text):
    """The complaints of one file, all of them, without the path that leads to each."""
    lines = [line for line in text.splitlines() if ": error: " in line or ": warning: " in line]
    return "\n".join(lines) or text.rstrip()


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    everything = sys.argv[2] != "0"
    config = (ROOT / ".clang-tidy").read_bytes() + \
        (ROOT / ".ci" / "analyzer.h").read_bytes()
    entries = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in FOLDERS:
            entries[entry["file"]] = entry
    if not entries:
        sys.exit(f"{build}/compile_commands.json names no file that ships")
    largest_first = sorted(entries.values(), key=lambda e: -os.path.getsize(e["file"]))
    complaints = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for text in pool.map(lambda e: check(e, build, config, everything), largest_first):
            if text:
                complaints += 1
                print(brief(text))
    sys.exit(1 if complaints else 0)


main()
