#!/usr/bin/env python3
"""Rules about the text of the tree, one function each.

    lint_text.py --list     the names of the rules, a line each
    lint_text.py RULE       runs one: prints a line a breach, and exits with 1 after any
    lint_text.py state      reads "file variable" lines from objdump instead

Exceptions: .ci/limits.txt, in lines of "RULE PLACE REASON".
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE = ("include", "base", "wal", "pager", "btree", "catalog", "engine", "graphql",
        "tools", "tests", "bench", "examples")

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 1000
LINE_COLUMNS_MAX = 100
NESTING_MAX = 4


def rooms():
    """The rooms, lowest first, as the root CMakeLists.txt adds them, with what each declares."""
    order = re.findall(r"^add_subdirectory\((\w+)\)", (ROOT / "CMakeLists.txt").read_text(), re.M)
    declared = {}
    for room in order:
        text = (ROOT / room / "CMakeLists.txt").read_text()
        call = re.search(r"quire_module\(\s*" + room + r"\b([^)]*)\)", text)
        words = call.group(1).split() if call else []
        depends = []
        if "DEPENDS" in words:
            for word in words[words.index("DEPENDS") + 1:]:
                if word.isupper():
                    break
                depends.append(word)
        declared[room] = depends
    return order, declared


def files(*suffixes, folders=CODE):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path.relative_to(ROOT)


def text_files():
    for path in sorted(ROOT.rglob("*")):
        name = path.relative_to(ROOT)
        if name.parts[0] == ".git" or name.parts[0].startswith("build") or "seeds" in name.parts:
            continue
        if path.suffix in (".c", ".h", ".cmake", ".md", ".py", ".sh", ".txt", ".in", "") and \
                path.is_file() and b"\0" not in path.read_bytes()[:4096]:
            yield name


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def bare(text):
    """The text with comments, strings and characters blanked; lines stay where they are."""
    def blank(match):
        piece = match.group(0)
        if piece[0] in "\"'":
            return piece[0] + " " * (len(piece) - 2) + piece[0]
        return re.sub(r"[^\n]", " ", piece)
    return TOKENS.sub(blank, text)


def functions(text):
    """Yields (name, first line, lines) of each function: braces in the first column."""
    lines = text.split("\n")
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            head = start - 1
            while head > 1 and "(" not in lines[head - 1]:
                head -= 1
            while head > 1 and re.match(r"\s", lines[head - 1]):
                head -= 1
            match = re.search(r"(\w+)\s*\(([\w\s,]*)", lines[head - 1])
            name = match.group(1) if match else "?"
            if name in ("Test", "TestSuite", "ParameterizedTest"):
                name = ".".join(match.group(2).replace(" ", "").split(",")[:2])
            yield name, start, number - start + 1, lines[start:number - 1]
            start = None


def rule_layering(report):
    order, declared = rooms()
    for room in order:
        for other in declared[room]:
            if other not in order or order.index(other) >= order.index(room):
                report(f"{room}/CMakeLists.txt", None, f"{room} may not depend on {other}")
    for name in files(".c", ".h"):
        top = name.parts[0]
        for number, line in enumerate(read(name).split("\n"), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                continue
            target = match.group(1)
            first = target.split("/")[0] if "/" in target else ""
            if ".." in target.split("/"):
                report(f"{name}:{number}", None, f'"{target}": name headers from the root')
            elif top == "include" and first != "quire":
                report(f"{name}:{number}", None, f'"{target}": public headers see only their like')
            elif top in declared:
                if first not in (top, "quire") and first not in declared[top]:
                    report(f"{name}:{number}", None,
                           f'"{target}": {top} sees only {", ".join([top, *declared[top]])}')
                elif "_internal" in target and first != top:
                    report(f"{name}:{number}", None, f'"{target}" belongs to {first} alone')
            elif top in ("tools", "bench", "examples") and first not in ("", "quire"):
                report(f"{name}:{number}", None, f'"{target}": {top} sees only "quire/..."')


LIBRARY_BANS = {
    r"malloc|calloc|realloc|free|strdup|strndup|aligned_alloc|posix_memalign":
        "use base/memory.h: all memory goes through the database's allocator",
    r"assert": "use QR_ASSERT for beliefs, an error for input",
    r"abort|exit|_Exit|quick_exit": "return an error: a library does not end its host",
    r"printf|fprintf|vfprintf|puts|putchar|fputs|perror": "a library prints nothing",
    r"strerror": "not safe with threads; use qr_fail_os",
}
SYSTEM_BANS = {
    r"open|openat|pread|preadv|pwrite|pwritev|fsync|fdatasync|ftruncate|fopen|mmap|munmap|unlink"
    r"|rename|flock|fcntl": "use base/file.h: every system call on a file goes through it",
    r"pthread_\w+|sem_\w+|mtx_\w+|thrd_\w+": "use base/thread.h",
    r"time|gettimeofday|clock_gettime|nanosleep|usleep": "use base/clock.h",
}
EVERYWHERE_BANS = {
    r"strcpy|stpcpy|strcat|strncpy|strncat": "use memcpy with the size that was checked",
    r"sprintf|vsprintf": "use snprintf",
    r"atoi|atol|atoll|atof": "use strtol and its like, which report errors",
    r"gets|scanf|sscanf|fscanf": "parse by hand, with limits",
    r"rand|srand|random|drand48": "use a generator with a seed of its own",
    r"alloca": "use an arena or a bounded array",
    r"strtok|localtime|gmtime|asctime|ctime|getpwnam": "not safe with threads",
    r"setjmp|longjmp|sigsetjmp|siglongjmp": "return an error",
    r"system|popen|tmpnam|tempnam|mktemp": "not safe with untrusted names",
}


def rule_calls(report):
    order, _ = rooms()
    for name in files(".c", ".h"):
        top = name.parts[0]
        bans = dict(EVERYWHERE_BANS)
        if top in order:
            bans.update(LIBRARY_BANS)
            if top != "base":
                bans.update(SYSTEM_BANS)
        patterns = [(re.compile(r"(?<![\w.>])(" + names + r")\s*\("), why)
                    for names, why in bans.items()]
        for number, line in enumerate(bare(read(name)).split("\n"), 1):
            for pattern, why in patterns:
                for match in pattern.finditer(line):
                    # A declaration of a member or parameter of that name is no call.
                    if re.search(r"\(\s*\*\s*$", line[:match.start()]):
                        continue
                    report(f"{name}:{number}", f"{name}:{match.group(1)}",
                           f"{match.group(1)}: {why}")


EXTENSIONS = re.compile(r"\b(__attribute__|__typeof__|typeof|__thread|_Thread_local|__int128"
                        r"|__builtin_\w+|__asm__|asm|__extension__)\b|\(\{")


def rule_extensions(report):
    order, _ = rooms()
    for name in files(".c", ".h", folders=[room for room in order if room != "base"]):
        for number, line in enumerate(bare(read(name)).split("\n"), 1):
            match = EXTENSIONS.search(line)
            if match:
                report(f"{name}:{number}", f"{name}:{match.group(0)}",
                       f"{match.group(0)}: compiler extensions and thread-locals stay in base")


def rule_function_length(report):
    for name in files(".c", ".h"):
        for function, start, count, _ in functions(bare(read(name))):
            if count > FUNCTION_LINES_MAX:
                report(f"{name}:{start}", f"{name}:{function}",
                       f"{function} has {count} lines; at most {FUNCTION_LINES_MAX}")


def rule_nesting(report):
    for name in files(".c", ".h"):
        for function, start, _, body in functions(bare(read(name))):
            depth = deepest = 0
            for line in body:
                for c in line:
                    depth += (c == "{") - (c == "}")
                    deepest = max(deepest, depth)
            if deepest > NESTING_MAX:
                report(f"{name}:{start}", f"{name}:{function}",
                       f"{function} nests {deepest} deep; at most {NESTING_MAX}")


def rule_file_length(report):
    for name in files(".c", ".h", ".py", ".sh"):
        count = read(name).count("\n")
        if count > FILE_LINES_MAX:
            report(str(name), str(name), f"{count} lines; at most {FILE_LINES_MAX}")


def rule_line_length(report):
    for name in text_files():
        if name.suffix in (".md", ".txt", ".json") and name.name != "CMakeLists.txt":
            continue
        for number, line in enumerate(read(name).split("\n"), 1):
            if len(line) > LINE_COLUMNS_MAX:
                report(f"{name}:{number}", str(name), f"{len(line)} columns")
            if line.rstrip() != line:
                report(f"{name}:{number}", str(name), "space at the end of the line")
            if "\t" in line:
                report(f"{name}:{number}", str(name), "a tab; indent with spaces")


# Put together here so that this file keeps its own rule.
WORDS = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) +
                   r")\b|not (yet )?imple" + "mented", re.I)


def rule_words(report):
    for name in text_files():
        for number, line in enumerate(read(name).split("\n"), 1):
            match = WORDS.search(line)
            if match:
                report(f"{name}:{number}", str(name), f'"{match.group(0)}": finish it or drop it')


def rule_links(report):
    for name in text_files():
        if name.suffix != ".md":
            continue
        for number, line in enumerate(read(name).split("\n"), 1):
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", line):
                if "://" not in target and not (ROOT / name).parent.joinpath(target).exists():
                    report(f"{name}:{number}", None, f"{target} does not exist")


def rule_state(report):
    for line in sys.stdin:
        name, variable = line.split()
        variable = re.sub(r"\.\d+$", "", variable)
        report(name, f"{name}:{variable}", f"{variable} is mutable and at file scope")


RULES = {name[len("rule_"):].replace("_", "-"): value
         for name, value in list(globals().items()) if name.startswith("rule_")}


def exceptions(rule):
    """The places that .ci/limits.txt excepts from a rule."""
    places = set()
    for number, line in enumerate(read(".ci/limits.txt").split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(None, 2)
        if len(words) < 3 or words[0] not in RULES:
            sys.exit(f".ci/limits.txt:{number}: not RULE PLACE REASON")
        if words[0] == rule:
            places.add(words[1])
    return places


def run(rule):
    excepted = exceptions(rule)
    used = set()
    breaches = 0

    def report(where, place, what):
        nonlocal breaches
        for candidate in (place, str(place).split(":", maxsplit=1)[0] if place else None):
            if candidate in excepted:
                used.add(candidate)
                return
        print(f"{where}: {what}")
        breaches += 1

    RULES[rule](report)
    for place in sorted(excepted - used):
        print(f".ci/limits.txt: nothing needs the exception of {place} from {rule}")
        breaches += 1
    sys.exit(1 if breaches else 0)


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(rule for rule in RULES if rule != "state"))
    elif len(sys.argv) == 2 and sys.argv[1] in RULES:
        run(sys.argv[1])
    else:
        sys.exit(__doc__)


main()
