#!/usr/bin/env python3
"""Tests of the file format against files that never change.

    golden_test.py PROGRAM SCRATCH    runs the tests; PROGRAM is the built golden program
    golden_test.py --make PROGRAM     makes the files and listings of this folder anew

See README.md here for what the files are and when they may change.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DECODER = ROOT / "tools" / "quire_decode.py"
sys.dont_write_bytecode = True
sys.path.insert(0, str(DECODER.parent))
import quire_decode  # noqa: E402

# name, page size, rows, and whether it is what a crash leaves behind
FILES = [("crashed-1024", 1024, 90, True), ("crashed-4096", 4096, 40, True),
         ("closed-1024", 1024, 24, False)]


def run(*command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise AssertionError("%s: %s" % (command[1], done.stderr.decode(errors="replace")))
    return done.stdout.decode()


def decode(path):
    return json.loads(run(sys.executable, DECODER, path))


def same(found, expected, place=""):
    """Fails with the first place where two listings differ."""
    if isinstance(found, dict) and isinstance(expected, dict) and set(found) == set(expected):
        for key in expected:
            same(found[key], expected[key], "%s/%s" % (place, key))
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for index, each in enumerate(expected):
            same(found[index], each, "%s[%d]" % (place, index))
    elif found != expected or isinstance(found, bool) != isinstance(expected, bool):
        raise AssertionError("%s is %.200s, not %.200s" % (place, found, expected))


def copies(name, scratch):
    target = scratch / (name + ".quire")
    for tail in (".quire", ".quire-wal"):
        (scratch / (name + tail)).unlink(missing_ok=True)
        if (HERE / (name + tail)).exists():
            shutil.copyfile(HERE / (name + tail), scratch / (name + tail))
    return target


def expected(name):
    return json.loads((HERE / (name + ".json")).read_text(encoding="utf-8"))


# ---- Tests ----


def test_decoder_reads_golden_files(program, scratch):
    for name, *_ in FILES:
        same(decode(HERE / (name + ".quire")), expected(name), name)


def test_library_reads_golden_files(program, scratch):
    for name, *_ in FILES:
        path = copies(name, scratch)
        same(json.loads(run(program, "read", path)), expected(name), name + " to read only")
        for tail in (".quire", ".quire-wal"):
            if (HERE / (name + tail)).exists():
                unchanged = (HERE / (name + tail)).read_bytes() == \
                    (scratch / (name + tail)).read_bytes()
                assert unchanged, name + tail + " was changed by reading it"
        same(json.loads(run(program, "list", path)), expected(name), name + " recovered")


def test_decoder_reads_what_recovery_left(program, scratch):
    for name, *_ in FILES:
        path = copies(name, scratch)
        run(program, "list", path)
        same(decode(path), expected(name), name)
        pathlib.Path(str(path) + "-wal").unlink()
        same(decode(path), expected(name), name + " without its log")


def test_fresh_files_hold_what_golden_files_hold(program, scratch):
    for name, page_size, rows, crashed in FILES:
        same(decode(write(program, scratch, page_size, rows, crashed)), expected(name), name)


def test_decoder_and_library_list_fresh_files_alike(program, scratch):
    for page_size, rows in ((1024, 6500), (2048, 300), (8192, 200), (32768, 100)):
        path = write(program, scratch, page_size, rows, True)
        decoded = decode(path)
        same(decoded, json.loads(run(program, "list", path)), "page size %d" % page_size)


def test_decoder_notices_each_damaged_page(program, scratch):
    data = bytearray((HERE / "closed-1024.quire").read_bytes())
    path = copies("closed-1024", scratch)
    free, _ = quire_decode.Pages(str(path)).free_pages()
    for number in range(len(data) // 1024):
        data[number * 1024 + 997] ^= 4
        path.write_bytes(data)
        try:
            quire_decode.Database(str(path))
            assert number in free, "damage of page %d goes unseen" % number
        except quire_decode.Damage:
            assert number not in free, "page %d is free" % number
        data[number * 1024 + 997] ^= 4


def test_decoder_notices_each_damaged_frame(program, scratch):
    """Damage to a frame is told, or takes back the newest group, where it looks like a torn end. A
    group of page 0 alone changes nothing that is listed."""
    path = copies("crashed-1024", scratch)
    log = pathlib.Path(str(path) + "-wal")
    data = log.read_bytes()
    told = lost = 0
    for number, page in quire_decode.Pages(str(path)).logged.items():
        at = data.find(page) + 500
        if at < 500:
            continue  # it comes of changes
        log.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        try:
            listing = quire_decode.Database(str(path)).listing()
            assert number == 0 or listing != expected("crashed-1024"), "frame at %d" % at
            lost += 1
        except quire_decode.Damage:
            told += 1
    assert told > lost, "%d damaged frames were told, %d groups lost" % (told, lost)


def test_torn_header_is_read_from_the_log(program, scratch):
    for at in (56, 300):
        path = copies("crashed-1024", scratch)
        data = bytearray(path.read_bytes())
        data[at] ^= 0xFF
        path.write_bytes(data)
        same(decode(path), expected("crashed-1024"), "decoder, damage at %d" % at)
        same(json.loads(run(program, "list", path)), expected("crashed-1024"),
             "library, damage at %d" % at)


def test_constants_of_the_format_stay(program, scratch):
    now = constants()
    then = (HERE / "format.txt").read_text(encoding="utf-8")
    for line in sorted(set(then.split("\n")) ^ set(now.split("\n"))):
        print("    %s %s" % ("-" if line in then.split("\n") else "+", line))
    assert now == then, "the constants differ from format.txt"


# ---- Making ----


def constants():
    """Macros and enumerators of all *_format.h, comments and layout left out."""
    lines = []
    for header in sorted(ROOT.glob("*/*_format.h")):
        text = header.read_text(encoding="utf-8")
        text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S).replace("\\\n", " ")
        text = re.sub(r"^#define[^\n]*static_assert[^\n]*$", "", text, flags=re.M)
        lines.append("%s/%s" % (header.parent.name, header.name))
        pattern = r"^#define[ \t]+(\w+(?:\([^)]*\))?[ \t]+[^\n]+)|^enum\s+(\w+)\s*\{(.*?)\}"
        for match in re.finditer(pattern, text, flags=re.S | re.M):
            if match.group(1):
                lines.append("    " + " ".join(match.group(1).split()))
            else:
                values = [" ".join(value.split()) for value in match.group(3).split(",")]
                lines.append("    enum " + match.group(2))
                lines += ["        " + value for value in values if value]
    return "\n".join(lines) + "\n"


def write(program, scratch, page_size, rows, crashed):
    made, copied = scratch / "made.quire", scratch / "copied.quire"
    for path in (made, copied):
        for tail in ("", "-wal"):
            pathlib.Path(str(path) + tail).unlink(missing_ok=True)
    if crashed:
        run(program, "crash", made, page_size, rows, copied)
        return copied
    run(program, "write", made, page_size, rows)
    return made


def make(program):
    for name, page_size, rows, crashed in FILES:
        path = write(program, HERE, page_size, rows, crashed)
        shutil.copyfile(path, HERE / (name + ".quire"))
        if crashed:
            shutil.copyfile(str(path) + "-wal", HERE / (name + ".quire-wal"))
        listing = run(sys.executable, DECODER, HERE / (name + ".quire"))
        (HERE / (name + ".json")).write_text(listing, encoding="utf-8")
    for name in ("made.quire", "copied.quire"):
        for tail in ("", "-wal"):
            (HERE / (name + tail)).unlink(missing_ok=True)
    (HERE / "format.txt").write_text(constants(), encoding="utf-8")


def main(words):
    if len(words) == 3 and words[1] == "--make":
        make(words[2])
        return 0
    if len(words) != 3:
        sys.stderr.write(__doc__)
        return 64
    scratch = pathlib.Path(words[2])
    scratch.mkdir(parents=True, exist_ok=True)
    passed = failed = 0
    for name, test in sorted(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            test(words[1], scratch)
            passed += 1
        except (AssertionError, OSError, ValueError, quire_decode.Damage) as error:
            failed += 1
            print("FAILED %s: %s" % (name, error))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
