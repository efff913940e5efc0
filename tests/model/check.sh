#!/usr/bin/env bash
# Explores a model completely. One that drops a rule must fail, any other hold.
#
#     check.sh SCRATCH MODEL [-DNAME]...    the folder SCRATCH is made anew
#     check.sh names                        the rules of the code are those of the models
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Every rule that the code can drop is in a model, or said not to be.
names() {
    local name missing=0
    while read -r name; do
        if ! grep -qwE "(DROP_)?$name" "$here"/*.pml; then
            echo "no model speaks of the rule $name" >&2
            missing=1
        fi
    done < <(grep -rhoE 'QR_MUTANT\([A-Z_]+\)' "$here"/../../{base,wal,pager,btree,engine} |
        sed -E 's/QR_MUTANT\((.*)\)/\1/' | sort -u)
    return $missing
}

if [ "$1" = names ]; then
    names
    exit
fi

scratch=$1 model=$here/$2.pml
shift 2
rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch"
expected=1 optimise=-O1
case "$*" in *-DDROP_*) expected=0 optimise=-O0 ;; esac
spin -a "$@" "$model"
"${CC:-cc}" $optimise -w -DSAFETY -o pan pan.c
if ! ./pan -m100000 -w20 >result 2>&1; then
    cat result >&2
    echo "the exploration did not run to its end" >&2
    exit 1
fi
if ! grep -q 'errors: ' result || grep -qE 'max search depth too small|out of memory' result; then
    cat result >&2
    exit 1
fi
held=0
if grep -q 'errors: 0' result; then held=1; fi
if [ "$held" -ne "$expected" ]; then
    cat result >&2
    if [ "$held" -eq 0 ]; then
        echo "the model fails; its last steps:" >&2
        spin "$@" -t -p "$model" | tail -n 80 >&2
    else
        echo "the model holds although a rule is dropped" >&2
    fi
    exit 1
fi
grep -E 'assertion violated|invalid end state|states, stored' result
