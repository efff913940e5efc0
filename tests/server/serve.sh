# shellcheck shell=bash disable=SC2034
# serve QUIRE SCRATCH [OPTION...]: starts a server over a small database in
# SCRATCH, goes there, and sets $url. serve_end: ends it, and fails unless it
# ended well.
serve() {
    local quire=$1 scratch=$2
    shift 2
    rm -rf "$scratch"
    mkdir -p "$scratch"
    cd "$scratch" || return 1
    cat >schema.graphql <<'END'
type Author { id: ID! @id  name: String! @index  books: [Book!]! }
type Book { id: ID! @id  title: String! @index  author: Author! }
END
    echo '{ "Author": [ { "id": "a1", "name": "Austen" } ] }' >data.json
    "$quire" load served.quire --schema schema.graphql --data data.json >/dev/null
    mkfifo ready
    "$quire" serve served.quire --port 0 "$@" >ready 2>log &
    server=$!
    trap 'kill "$server" 2>/dev/null || true' EXIT
    local line
    read -r line <ready
    url=${line##* at }
}

serve_end() {
    trap - EXIT
    kill "$server"
    wait "$server" || {
        cat log
        echo "the server ended with status $?"
        return 1
    }
}
