#!/usr/bin/env bash
# installed.sh BUILD SCRATCH
#
# Installs what was built, moves the tree elsewhere, and serves the pages from there.
set -euo pipefail

build=$1 scratch=$2
fail() { echo "installed: $*" >&2; exit 1; }

rm -rf "$scratch"
mkdir -p "$scratch"
cmake --install "$build" --prefix "$scratch/installed" >/dev/null
mv "$scratch/installed" "$scratch/moved"
files=$scratch/moved/share/quire/web
[ -f "$files/admin.html" ] || fail "the pages were not installed"
# So that they cannot come from anywhere else.
echo 'export const moved = true;' >"$files/moved.js"

mkfifo "$scratch/ready"
"$scratch/moved/bin/quire" serve "$scratch/served.quire" --port 0 \
    >"$scratch/ready" 2>"$scratch/log" &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
read -r line <"$scratch/ready"
port=${line##*:}
port=${port%%/*}

# has PATH TEXT PROBLEM: gets the file, whose answer must have the text.
has() {
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$1" >&3
    cat <&3 >"$scratch/answer"
    exec 3>&-
    grep -qaF "$2" "$scratch/answer" || fail "$3"
}

has /admin 'src="/web/admin.js"' "there is no status page"
has /web/moved.js 'moved = true' "the files are not those installed"
if [ -f "$files/graphiql.html" ]; then
    has / 'src="/web/graphiql.js"' "there is no GraphiQL"
    has /web/graphiql.js 'Content-Encoding: gzip' "its script is not there"
    has /web/licences.txt 'HTTP/1.1 200' "the licences are not there"
fi
kill "$server"
wait "$server" || fail "the server ended with $?: $(cat "$scratch/log")"
rm -rf "$scratch"
