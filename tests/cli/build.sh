#!/usr/bin/env bash
# build.sh QUIRE HARDENED [NAME=VERSION...]
#
# How the command was built: hardened, where HARDENED is 1, and on the libraries
# of these versions, which it names itself.
set -uo pipefail

quire=$1 hardened=$2
shift 2
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
for library; do
    has "version" "$versions" "^${library%=*} ${library#*=}\$"
done
[ "$("$quire" --version)" = "$versions" ] || { failed=$((failed + 1)); echo "FAILED: --version"; }

if [ "$hardened" = 1 ] && command -v readelf >/dev/null; then
    segments=$(readelf -lW "$quire")
    header=$(readelf -hW "$quire")
    dynamic=$(readelf -dW "$quire")
    symbols=$(readelf -sW --dyn-syms "$quire")
    has "position-independent" "$header" 'Type: +DYN'
    has "position-independent" "$dynamic" 'FLAGS_1.*PIE'
    has "bound at start" "$dynamic" 'BIND_NOW|FLAGS_1.*NOW'
    has "tables read-only after that" "$segments" 'GNU_RELRO'
    has "stack without code" "$segments" 'GNU_STACK.* RW '
    lacks "no page to write and run" "$segments" 'LOAD.* RWE '
    lacks "no text to relocate" "$dynamic" 'TEXTREL'
    lacks "no path to libraries" "$dynamic" 'RPATH|RUNPATH'
    has "stack protector" "$symbols" '__stack_chk_fail'
    has "fortified functions" "$symbols" '__(mem|sn|vsn|f)[a-z]+_chk'
    case $(uname -m) in
    x86_64)
        # Landing pads for indirect calls, and probes of the stack as it grows.
        code=$(objdump -d --no-show-raw-insn "$quire" | head -20000)
        has "landing pads" "$code" 'endbr64'
        ;;
    esac
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
