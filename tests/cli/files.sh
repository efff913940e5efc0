#!/usr/bin/env bash
# files.sh QUIRE SCRATCH
#
# Whatever the umask says, what the command makes is for its owner alone: every
# file that any subcommand leaves, or has while it runs, is looked at.
set -uo pipefail

quire=$1 scratch=$2
rm -rf "$scratch"
mkdir -p "$scratch"
chmod 700 "$scratch"
cd "$scratch" || exit 1
failed=0 passed=0

umask 022
cat >schema.graphql <<'END'
type Author { id: ID! @id  name: String! @index }
END
cat >more.graphql <<'END'
type Author { id: ID! @id  name: String! @index  born: Int @index }
END
for ((i = 0; i < 5000; i++)); do
    echo "{\"id\": \"a$i\", \"name\": \"a name that takes some room in its page, number $i\"}"
done >Author.jsonl
touch out err
chmod 600 -- *

umask 000
# private COMMAND...: runs it, then looks at all files and directories here.
private() {
    local open
    if ! "$@" >out 2>err </dev/null; then
        failed=$((failed + 1))
        echo "FAILED: $*: $(cat err)"
        return
    fi
    open=$(find . -mindepth 1 ! -type l -perm /077)
    if [ -n "$open" ]; then
        failed=$((failed + 1))
        echo "FAILED: others may use what is left by $*: $open"
        chmod -R go-rwx .
    else
        passed=$((passed + 1))
    fi
}

private "$quire" load a.quire --schema schema.graphql --type Author Author.jsonl
private "$quire" query a.quire 'mutation { createAuthor(input: {id: "b", name: "B"}) { id } }'
private "$quire" schema apply a.quire more.graphql
private "$quire" checkpoint a.quire
private "$quire" backup a.quire b.quire
private "$quire" backup a.quire b.quire --replace
private "$quire" restore b.quire c.quire
private "$quire" restore b.quire c.quire --replace
private "$quire" compact c.quire
private "$quire" vacuum c.quire
private "$quire" recover c.quire d.quire
private "$quire" export a.quire exported
private "$quire" export a.quire --format csv exported-csv
private "$quire" export a.quire --schema exported.graphql -
private "$quire" export a.quire --schema exported.graphql -
private "$quire" stats a.quire
private "$quire" inspect a.quire

# A killed process leaves its log.
mkfifo -m 600 data
exec 9<>data
"$quire" load killed.quire --schema schema.graphql --data data >out 2>err &
pid=$!
for ((i = 0; i < 200; i++)); do
    [ ! -e killed.quire-wal ] || break
    sleep 0.05
done
kill -9 "$pid"
wait "$pid" 2>err
exec 9>&-
private test -e killed.quire
rm -f killed.quire*

# What is written over keeps the mode that its owner gave it.
umask 077
touch shared.graphql
chmod 644 shared.graphql
"$quire" export a.quire --schema shared.graphql - >out 2>err
if [ "$(stat -c %a shared.graphql)" != 644 ]; then
    failed=$((failed + 1))
    echo "FAILED: a file that was there has another mode"
fi
chmod 640 a.quire
"$quire" query a.quire 'mutation { createAuthor(input: {id: "c", name: "C"}) { id } }' >out
if [ "$(stat -c %a a.quire)" != 640 ]; then
    failed=$((failed + 1))
    echo "FAILED: the database has another mode"
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
