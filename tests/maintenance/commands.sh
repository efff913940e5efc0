#!/usr/bin/env bash
# commands.sh QUIRE SCRATCH EXAMPLES
#
# The maintenance subcommands as a person meets them: a database is backed up,
# restored, compacted, exported, loaded, damaged and recovered.
set -uo pipefail

quire=$1 scratch=$2 examples=$3
rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch" || exit 1

failed=0
# expect CODE ARGUMENT...: runs the command and compares its exit code.
expect() {
    local wanted=$1 status=0
    shift
    "$quire" "$@" >out 2>err </dev/null || status=$?
    if [ "$status" -ne "$wanted" ]; then
        failed=1
        echo "FAILED quire $*: exit code $status, not $wanted"
        sed 's/^/  /' out err
    fi
}
wrong() {
    failed=1
    echo "FAILED $*"
}
prints() { grep -qF -- "$1" out || wrong "standard output lacks $1: $(cat out)"; }
says() { grep -qF -- "$1" err || wrong "standard error lacks $1: $(cat err)"; }
same() { cmp -s "$1" "$2" || wrong "$1 and $2 differ"; }

for command in backup restore compact vacuum recover export stats; do
    expect 0 "$command" --help
    prints "Usage: quire $command"
    expect 64 "$command"
    says "quire $command"
done

expect 0 load lib.quire --schema "$examples/schema.graphql" --map "$examples/mapping.json" \
    "$examples/catalogue.json" "$examples/copies.json"
expect 0 export lib.quire --schema schema.graphql -
cp out original.json
prints '"isbn":"978-0-14-143958-7"'

expect 0 backup lib.quire copy.quire
prints "pages in copy.quire"
expect 1 backup lib.quire copy.quire
says "copy.quire exists"
expect 0 backup lib.quire copy.quire --replace --rate 100000
expect 64 backup lib.quire copy.quire --rate -1
expect 74 backup none.quire copy2.quire
expect 0 inspect copy.quire

expect 0 restore copy.quire restored.quire
expect 1 restore copy.quire restored.quire
expect 0 restore copy.quire restored.quire --replace
expect 0 export restored.quire -
same out original.json

expect 0 compact restored.quire
prints "bytes, before"
expect 0 inspect restored.quire
expect 0 export restored.quire -
same out original.json
expect 74 compact none.quire

expect 0 load wide.quire --schema schema.graphql original.json
size=$(stat -c %s wide.quire)
expect 0 vacuum wide.quire --pages 1
prints "pages given back"
expect 0 vacuum wide.quire
[ "$(stat -c %s wide.quire)" -le "$size" ] || wrong "vacuum made the file larger"
expect 0 vacuum wide.quire
prints "0 pages given back, 0 moved"
expect 0 inspect wide.quire
expect 0 export wide.quire -
same out original.json
expect 0 vacuum wide.quire --no-repack
prints "0 filled"
expect 64 vacuum wide.quire --pages -1
expect 74 vacuum none.quire

expect 0 load again.quire --schema schema.graphql original.json
expect 0 export again.quire -
same out original.json

expect 0 stats again.quire
prints "page size    4096"
prints "  Book.title"

expect 0 recover again.quire whole.quire
prints "0 of"
expect 1 recover again.quire whole.quire
says "whole.quire exists"
printf 'XXXX' | dd of=again.quire bs=1 seek=4196 conv=notrunc 2>/dev/null
expect 2 inspect again.quire
expect 74 compact again.quire
expect 1 recover again.quire saved.quire
prints "1 of"
expect 0 restore copy.quire again.quire --replace
expect 0 inspect again.quire
expect 0 export again.quire -
same out original.json
expect 74 recover schema.graphql other.quire

leftovers=$(find . -name '*-new' -o -name '*-new-wal' -o -name '*-work')
[ -z "$leftovers" ] || wrong "left behind: $leftovers"
[ "$failed" -eq 0 ] && echo "all commands did as they should"
exit "$failed"
