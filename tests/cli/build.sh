#!/usr/bin/env bash
# build.sh QUIRE LIBRARY HARDENED [NAME=VERSION...]
#
# How the command and the shared library were built: hardened, where HARDENED is 1,
# and on the libraries of these versions, which the command names itself.
set -uo pipefail

quire=$1 library=$2 hardened=$3
shift 3
failed=0 passed=0
# has NAME TEXT PATTERN: the text has a line that fits.
has() {
    if grep -qE -- "$3" <<<"$2"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $1: nothing like \"$3\" in:"
        echo "  ${2//$'\n'/$'\n'  }"
    fi
}
lacks() {
    if grep -qE -- "$3" <<<"$2"; then
        failed=$((failed + 1))
        echo "FAILED: $1: \"$3\" is in it"
    else
        passed=$((passed + 1))
    fi
}

versions=$("$quire" version)
has "version" "$versions" '^quire [0-9]+\.[0-9]+\.[0-9]+$'
for other; do
    has "version" "$versions" "^${other%=*} ${other#*=}\$"
done
[ "$("$quire" --version)" = "$versions" ] || { failed=$((failed + 1)); echo "FAILED: --version"; }

# hardened FILE: what both are.
hardened() {
    local segments dynamic symbols
    segments=$(readelf -lW "$1")
    dynamic=$(readelf -dW "$1")
    symbols=$(readelf -sW --dyn-syms "$1")
    has "$1: position-independent" "$(readelf -hW "$1")" 'Type: +DYN'
    has "$1: bound at start" "$dynamic" 'BIND_NOW|FLAGS_1.*NOW'
    has "$1: tables read-only after that" "$segments" 'GNU_RELRO'
    has "$1: stack without code" "$segments" 'GNU_STACK.* RW '
    lacks "$1: no page to write and run" "$segments" 'LOAD.* RWE '
    lacks "$1: no text to relocate" "$dynamic" 'TEXTREL'
    has "$1: stack protector" "$symbols" '__stack_chk_fail'
    has "$1: fortified functions" "$symbols" '__(mem|sn|vsn|f)[a-z]+_chk'
    if [ "$(uname -m)" = x86_64 ]; then
        has "$1: landing pads" "$(objdump -d --no-show-raw-insn "$1" | head -20000)" 'endbr64'
    fi
}

if [ "$hardened" = 1 ] && command -v readelf >/dev/null; then
    hardened "$quire"
    hardened "$library"
    dynamic=$(readelf -dW "$quire")
    has "an executable" "$dynamic" 'FLAGS_1.*PIE'
    # In the build tree a command over the shared library has to find it.
    grep -q 'libquire\.so' <<<"$dynamic" || lacks "no path to libraries" "$dynamic" 'RPATH|RUNPATH'
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
