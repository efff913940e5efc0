#!/usr/bin/env bash
# cli.sh QUIRE SCRATCH OBJECTS
#
# Runs the command over a small database and checks exit codes and output. A
# case is: run ARGUMENT..., then statements about what came of it.
set -uo pipefail
trap '' PIPE

quire=$1 scratch=$2 objects=$3
rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch" || exit 1

passed=0 failed=0 name='' good=1

# case NAME: ends the case before, begins one.
case_end() {
    if [ -n "$name" ]; then
        if [ "$good" -eq 1 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    fi
}
case_() {
    case_end
    name=$1 good=1
}
wrong() {
    good=0
    echo "FAILED $name: $*"
    echo "  status $status"
    sed 's/^/  out: /' out
    sed 's/^/  err: /' err
}
run() {
    status=0
    "$quire" "$@" >out 2>err </dev/null || status=$?
}
run_stdin() {
    local input=$1
    shift
    status=0
    "$quire" "$@" >out 2>err <"$input" || status=$?
}
exits() { [ "$status" -eq "$1" ] || wrong "exit code $status, not $1"; }
prints() { grep -qF -- "$1" out || wrong "standard output lacks $1"; }
prints_exactly() { [ "$(cat out)" = "$1" ] || wrong "standard output is not $1"; }
says() { grep -qF -- "$1" err || wrong "standard error lacks $1"; }
silent() { [ ! -s err ] || wrong "standard error is not empty"; }

cat >schema.graphql <<'END'
type Author { id: ID! @id  name: String! @index  books: [Book!]! }
type Book { id: ID! @id  title: String! @index  author: Author! }
END
cat >data.json <<'END'
{ "Book": [ { "id": "b1", "title": "Emma", "author": "a1" },
            { "id": "b2", "title": "Persuasion", "author": "a1" } ],
  "Author": [ { "id": "a1", "name": "Austen" } ] }
END
cat >bad.json <<'END'
{ "Author": [
    { "id": "a2", "name": "Bronte" },
    { "id": "a3", "name": 7 } ] }
END
echo '{ authors { totalCount } }' >count.graphql
readonly one='{"data":{"authors":{"totalCount":1}}}'

case_ "no arguments give the help and a usage error"
run
exits 64
says "Usage: quire COMMAND"

readonly commands="load export query schema inspect stats checkpoint
backup restore compact vacuum recover version"

case_ "--help names every command"
run --help
exits 0
silent
for command in $commands; do prints "$command"; done

case_ "every command has its help"
for command in $commands; do
    run "$command" --help
    exits 0
    prints "Usage: quire $command"
    silent
done
run query -h
exits 0

case_ "an unknown command is a usage error"
run frobnicate
exits 64
says 'there is no command "frobnicate"'

case_ "an unknown option is a usage error"
run query --frobnicate x.quire
exits 64
says "quire: --frobnicate: unknown option"

case_ "version prints the version"
run version
exits 0
prints "quire 0."
cp out first
run --version
cmp -s out first || wrong "--version differs"

case_ "load creates a database"
run load x.quire --schema schema.graphql --data data.json
exits 0
prints "3 rows in"
silent

case_ "query takes the document as an argument"
run query x.quire '{ authors { totalCount } }'
exits 0
prints_exactly "$one"

case_ "a database that is a link is refused unless told"
ln -sf x.quire link.quire
run query link.quire --file count.graphql
exits 74
says "symbolic link"
run query link.quire --follow-links --file count.graphql
exits 0
prints_exactly "$one"

case_ "a database that is not trusted is checked first"
run query x.quire --untrusted --file count.graphql
exits 0
prints_exactly "$one"
cp x.quire damaged.quire
# The last page is no part of what counting authors reads.
place=$(($(stat -c %s x.quire) - 900))
printf 'x' | dd of=damaged.quire bs=1 seek="$place" conv=notrunc 2>/dev/null
for command in "query damaged.quire {__typename}" "stats damaged.quire" \
    "export damaged.quire -" "checkpoint damaged.quire"; do
    # shellcheck disable=SC2086 # words
    run $command --untrusted
    exits 74
    says "was checked before its use"
done

case_ "query takes the document from a file"
run query x.quire --file count.graphql
prints_exactly "$one"

case_ "query takes the document from standard input"
run_stdin count.graphql query x.quire
prints_exactly "$one"
run_stdin count.graphql query x.quire --file -
prints_exactly "$one"

case_ "query resolves a reference loaded before its target"
run query x.quire '{ book(id: "b2") { title author { name books { totalCount } } } }'
prints_exactly \
    '{"data":{"book":{"title":"Persuasion","author":{"name":"Austen","books":{"totalCount":2}}}}}'

case_ "query --pretty indents"
run query x.quire --pretty '{ book(id: "b1") { title } none: book(id: "z") { title } }'
exits 0
prints_exactly '{
  "data": {
    "book": {
      "title": "Emma"
    },
    "none": null
  }
}'

case_ "query takes variables and an operation name"
# shellcheck disable=SC2016 # a GraphQL variable
document='query A($id: ID!) { author(id: $id) { name } } query B { books { totalCount } }'
run query x.quire "$document" --operation A --variables '{"id": "a1"}'
prints_exactly '{"data":{"author":{"name":"Austen"}}}'
echo '{"id": "a1"}' >variables.json
run query x.quire "$document" --operation=A --variables-file variables.json
prints_exactly '{"data":{"author":{"name":"Austen"}}}'
run query x.quire "$document" -o B
prints_exactly '{"data":{"books":{"totalCount":2}}}'

case_ "query --claims asks as a caller"
cat >rules.graphql <<'END'
type Note @auth(rules: [{ where: { owner: { equals: { claim: "sub" } } } }]) {
  id: ID! owner: String }
END
echo '{"Note": [{"id": "1", "owner": "ann"}, {"id": "2", "owner": "bob"}]}' >rules.json
run load rules.quire --schema rules.graphql --data rules.json
exits 0
run query rules.quire '{ notes { items { id } } }' --claims '{"sub": "bob"}'
prints_exactly '{"data":{"notes":{"items":[{"id":"2"}]}}}'
run query rules.quire '{ notes { totalCount } }' --claims '{}'
exits 1
prints UNAUTHENTICATED
run query rules.quire '{ notes { totalCount } }'
prints_exactly '{"data":{"notes":{"totalCount":2}}}'
run query --connect http://127.0.0.1:1 '{ __typename }' --claims '{}'
exits 64

case_ "query --explain shows access paths"
run query x.quire --explain '{ author(id: "a1") { name } }'
exits 0
prints '"explain"'

case_ "a response with errors exits with 1"
run query x.quire '{ authors { nothing } }'
exits 1
prints '"errors"'
run query x.quire '{ authors {'
exits 1
prints '"locations"'

case_ "a mutation commits"
run query x.quire 'mutation { createAuthor(input: {id: "a9", name: "Woolf"}) { name } }'
exits 0
prints_exactly '{"data":{"createAuthor":{"name":"Woolf"}}}'
run query x.quire '{ authors { totalCount } }'
prints_exactly '{"data":{"authors":{"totalCount":2}}}'

case_ "a mutation that fails changes nothing"
run query x.quire 'mutation { a: deleteAuthor(id: "a9") { id } b: deleteAuthor(id: "zz") { id } }'
exits 1
prints '"NOT_FOUND"'
run query x.quire '{ authors { totalCount } }'
prints_exactly '{"data":{"authors":{"totalCount":2}}}'
run query x.quire 'mutation { deleteAuthor(id: "a9") { id } }'
exits 0

case_ "a mutation in a string or a comment is no mutation"
chmod a-w x.quire
run query x.quire $'# mutation\n{ author(id: "mutation") { name } }'
exits 0
prints_exactly '{"data":{"author":null}}'
chmod u+w x.quire

case_ "a query on a missing database fails and makes no file"
run query missing.quire '{ __typename }'
exits 74
says "missing.quire"
[ ! -e missing.quire ] || wrong "a file was made"

case_ "a document that cannot be read fails"
run query x.quire --file missing.graphql
exits 74
says "missing.graphql: No such file"

case_ "contradicting arguments are usage errors"
run query x.quire '{a}' --file count.graphql
exits 64
run query x.quire --variables '{}' --variables-file variables.json '{a}'
exits 64
run query
exits 64
run inspect x.quire --wal --indexes
exits 64
run load
exits 64
run load x.quire
exits 64

case_ "bad data is refused with its place, and nothing is stored"
run load x.quire --data bad.json
exits 1
says "bad.json:3:"
says "nothing was stored"
run query x.quire '{ authors { totalCount } }'
prints_exactly "$one"

case_ "a bad schema is refused with its place"
echo 'type A { id: Nothing }' >bad.graphql
run load y.quire --schema bad.graphql
exits 1
says "bad.graphql:1:14:"

case_ "a second good file after a bad one stores nothing either"
run load x.quire --data bad.json data.json
exits 1
run query x.quire '{ authors { totalCount } }'
prints_exactly "$one"

case_ "data that is missing fails"
run load x.quire --data missing.json
exits 74
says "missing.json: No such file"

case_ "data comes from standard input too"
echo '{ "Author": [ { "id": "s1", "name": "Sterne" } ] }' >more.json
run_stdin more.json load x.quire --data -
exits 0
prints "1 rows in"
run query x.quire 'mutation { deleteAuthor(id: "s1") { id } }'
exits 0

case_ "export writes what load makes an equal database of"
run export x.quire -
exits 0
cp out all.json
for format in json jsonl csv; do
    rm -rf "copy-$format" "copy-$format.quire"
    run export x.quire --format "$format" "copy-$format"
    exits 0
    silent
    run load "copy-$format.quire" "copy-$format"
    exits 0
    prints "3 rows in"
    run export "copy-$format.quire" -
    cmp -s out all.json || wrong "$format does not come back the same"
done
run export x.quire --format csv --types Author -
prints "id,name"
prints "a1,Austen"

case_ "export does not write over files, and refuses what it cannot do"
run export x.quire copy-csv
exits 74
says "not empty"
run export x.quire --format csv -
exits 64
run export x.quire --format xml -
exits 64
run export x.quire --types Nothing -
exits 1
says 'no type "Nothing"'
run export x.quire
exits 64

case_ "load takes CSV, modes and types"
printf 'id,name\na1,Jane Austen\na7,Eliot\n' >people
run load x.quire --type Author --format csv people
exits 1
says "people:2:1:"
run load x.quire --type Author --format csv --mode upsert people
exits 0
run query x.quire '{ authors { items { name } } }'
prints_exactly '{"data":{"authors":{"items":[{"name":"Jane Austen"},{"name":"Eliot"}]}}}'
printf '{"id": "a1", "name": "Austen"}\n' >Author.jsonl
run load x.quire --mode replace Author.jsonl
exits 0
run query x.quire '{ authors { totalCount } }'
prints_exactly "$one"
run load x.quire --mode merge Author.jsonl
exits 64
run load x.quire --type Nothing Author.jsonl
exits 1

case_ "a query works while another process writes"
mkfifo pipe
"$quire" load x.quire --data - <pipe >/dev/null 2>loader.err &
loader=$!
exec 3>pipe
# More than a pipe holds: once this is written, the loader is reading.
{
    printf '{ "Author": ['
    head -c 200000 /dev/zero | tr '\0' ' '
} >&3
run query x.quire 'mutation { deleteAuthor(id: "none") { id } }'
exits 74
says "open for writing elsewhere"
run query x.quire '{ authors { totalCount } }'
exits 0
prints_exactly "$one"
printf '{ "id": "w1", "name": "Wells" } ] }' >&3
exec 3>&-
wait "$loader" || wrong "the loader failed: $(cat loader.err)"
run query x.quire '{ authors { totalCount } }'
prints_exactly '{"data":{"authors":{"totalCount":2}}}'

case_ "schema prints what was applied"
run schema x.quire
exits 0
prints "type Author {"
silent

case_ "schema tells of views and triggers that programs have made"
"$objects" objects.quire || wrong "no database with a view"
run schema objects.quire
exits 0
prints "# View adults of User where "
prints " ordered by age descending: name = "
prints "# Trigger watch on User, after insert, delete: calls count (disabled)"
run schema objects.quire --api
! grep -q "adults" out || wrong "--api tells of a view"

case_ "schema --api prints what can be asked"
run schema x.quire --api
exits 0
prints "type Query"
prints "createAuthor"

case_ "schema diff tells what would change, schema apply changes it"
sed 's/name: String!/name: String! born: Int/' schema.graphql >more.graphql
run schema diff x.quire more.graphql
exits 0
prints "COLUMN_ADDED"
prints "FIELD_ADDED"
silent
run schema apply x.quire more.graphql --dry-run
exits 0
run query x.quire '{ authors { items { born } } }'
exits 1
run schema apply x.quire more.graphql
exits 0
silent
run query x.quire 'mutation { updateAuthor(id: "a1", input: { born: 1775 }) { born } }'
exits 0
run schema diff x.quire schema.graphql
exits 1
prints "LOSES"
prints "1 row with a value"
run schema apply x.quire schema.graphql
exits 1
says "schema.graphql:"
says "nothing was changed"
run schema apply x.quire schema.graphql --drop-data
exits 0
run schema diff x.quire schema.graphql
exits 0
prints "Nothing changes."
run inspect x.quire
exits 0
run schema diff x.quire
exits 64
run schema diff x.quire bad.graphql
exits 1
says "bad.graphql:1:14:"

case_ "checkpoint succeeds"
run checkpoint x.quire
exits 0
silent

case_ "inspect finds a sound file sound"
run inspect x.quire
exits 0
for part in --wal --indexes "--page 1"; do
    # shellcheck disable=SC2086 # words to split
    run inspect x.quire $part
    exits 0
    [ -s out ] || wrong "no report"
done

case_ "inspect --json gives one object with a report a part"
run inspect x.quire --json
exits 0
prints '{"database":{'
prints '"wal":{'
prints '"indexes":{'
prints '"schemaVersion"'

case_ "inspect of an unknown index or page is refused"
run inspect x.quire --index nothing
exits 64
run inspect x.quire --page 4294967295
exits 64
run inspect x.quire --page seven
exits 64

case_ "inspect finds damage"
cp x.quire damaged.quire
printf 'damage' | dd of=damaged.quire bs=1 seek=$((4096 + 1000)) conv=notrunc status=none
run inspect damaged.quire
exits 2
prints "PAGE_CHECKSUM"

case_ "a file that is no database is refused"
head -c 8192 /dev/urandom >noise.quire
run query noise.quire '{ __typename }'
exits 74
says "noise.quire"

case_ "output that cannot be written is a failure"
if [ -c /dev/full ]; then
    status=0
    "$quire" schema x.quire >/dev/full 2>err || status=$?
    : >out
    exits 74
    says "standard output"
fi

case_end
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
