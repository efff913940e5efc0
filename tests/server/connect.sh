#!/usr/bin/env bash
# connect.sh QUIRE SCRATCH
#
# load, query, checkpoint and backup over a server: they do what they do on a
# file, and report failures the same way.
set -uo pipefail

quire=$1 scratch=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/server/serve.sh
source "$here/serve.sh"
mkdir -p "$scratch"
token=0123456789abcdef0123
(umask 077 && echo "$token admin" >"$scratch-tokens")
serve "$quire" "$scratch" --token-file "$scratch-tokens" --scratch . || exit 1
base=${url%/graphql}
passed=0 failed=0

# expect STATUS TEXT ARGUMENT...: runs the command; both its outputs together have TEXT.
expect() {
    local wanted=$1 text=$2 status=0
    shift 2
    "$quire" "$@" >out 2>&1 </dev/null || status=$?
    if [ "$status" -eq "$wanted" ] && { [ -z "$text" ] || grep -qF -- "$text" out; }; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: quire $*: status $status, not $wanted, or no \"$text\" in:"
        sed 's/^/  /' out
    fi
}

cat >more.graphql <<'END'
type Author { id: ID! @id  name: String! @index  books: [Book!]!  born: Int }
type Book { id: ID! @id  title: String! @index  author: Author! }
END
echo '{"Book": [{"id": "b1", "title": "Emma", "author": "a1"}]}' >books.json
printf 'id,name,born\na1,Jane Austen,1775\na2,Woolf,1882\n' >authors.csv
printf '{"Book": [{"id": "b2", "title": "x",\n "author": "nobody"}]}' >bad.json

expect 1 "token is needed" query --connect "$base" '{ authors { totalCount } }'
export QUIRE_TOKEN=$token
count='{"data":{"authors":{"totalCount":1}}}'
expect 0 "$count" query --connect "$base" '{ authors { totalCount } }'
expect 0 "$count" query --connect "$url" '{ authors { totalCount } }'
unset QUIRE_TOKEN
t=(--token-file "$scratch-tokens")
# shellcheck disable=SC2016 # $i is GraphQL's
expect 0 '"name":"Austen"' query --connect "$base/" "${t[@]}" -v '{"i": "a1"}' -o B \
    'query A { __typename } query B($i: ID!) { author(id: $i) { name } }'
expect 0 '"explain":[' query --connect "$base" "${t[@]}" --explain '{ author(id: "a1") { name } }'
expect 1 'Syntax Error' query --connect "$base" "${t[@]}" '{'
expect 1 'variables are not JSON' query --connect "$base" "${t[@]}" -v '{' '{ __typename }'
expect 0 '1 rows in' load --connect "$base" "${t[@]}" books.json
expect 0 '2 rows in' load --connect "$base" "${t[@]}" --schema more.graphql --mode upsert \
    --type Author authors.csv
expect 0 '"born":1775' query --connect "$base" "${t[@]}" '{ author(id: "a1") { name born } }'
expect 1 'bad.json: ' load --connect "$base" "${t[@]}" bad.json
expect 1 'nothing was stored' load --connect "$base" "${t[@]}" books.json
expect 1 'serve.sh: ' load --connect "$base" "${t[@]}" --schema "$here/serve.sh" more.graphql
expect 64 'a document' query --connect "$base" a b
expect 0 '' checkpoint --connect "$base" "${t[@]}"
expect 0 '' backup --connect "$base" "${t[@]}" copy.quire
expect 1 'exists' backup --connect "$base" "${t[@]}" copy.quire
expect 0 '' backup --connect "$base" "${t[@]}" copy.quire --replace
expect 0 '{"data":{"books":{"items":[{"title":"Emma"}]}}}' query copy.quire \
    '{ books { items { title } } }'
expect 74 'open for writing' load served.quire books.json
expect 74 'http' checkpoint --connect http://127.0.0.1:1
expect 64 'or --connect' checkpoint
[ ! -e copy.quire-received ] || { failed=$((failed + 1)); echo "FAILED: a file is left"; }
echo foreign >copy.quire-received
expect 74 'copy.quire-received' backup --connect "$base" "${t[@]}" copy.quire --replace
[ "$(cat copy.quire-received)" = foreign ] || { failed=$((failed + 1)); echo "FAILED: not ours"; }
rm -f copy.quire-received
if compgen -G '.quire-backup*' >/dev/null; then
    failed=$((failed + 1))
    echo "FAILED: the server left a file"
fi
serve_end || failed=$((failed + 1))
rm -f "$scratch-tokens"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
