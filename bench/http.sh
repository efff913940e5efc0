#!/usr/bin/env bash
# http.sh QUIRE HELLO [SECONDS [ROUNDS]]
#
# A row by its key over HTTP, against the HTTP library answering with the same
# bytes and no database behind it (quire-http-hello): wrk, 16 connections kept
# open, alternately, so that both meet the same machine. Prints a JSON line a
# round, and the medians: requests a second, processor time of the server a
# request, and the ratio of the rates.
set -euo pipefail

quire=$(readlink -f "$1") hello=$(readlink -f "$2")
seconds=${3:-5} rounds=${4:-5}
command -v wrk >/dev/null || { echo "http.sh: wrk is missing" >&2; exit 1; }
scratch=$(mktemp -d)
cd "$scratch"
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; rm -rf "$scratch"' EXIT

echo 'type Author { id: ID! @id  name: String! }' >schema.graphql
awk 'BEGIN { printf "{\"Author\":["
             for (i = 0; i < 10000; i++)
                 printf "%s{\"id\":\"a%d\",\"name\":\"name %d\"}", i ? "," : "", i, i
             print "]}" }' >data.json
"$quire" load bench.quire --schema schema.graphql --data data.json >/dev/null
cat >post.lua <<'END'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"query":"query($i: ID!) { author(id: $i) { id name } }","variables":{"i":"a77"}}'
END
expected='{"data":{"author":{"id":"a77","name":"name 77"}}}'

mkfifo ready
"$quire" serve bench.quire --port 18090 >ready 2>log &
pids+=($!)
read -r _ <ready
"$hello" 18091 "$(nproc)" "$expected" >ready &
pids+=($!)
read -r _ <ready
# shellcheck disable=SC2016 # $i is GraphQL's
answer=$(curl -s -H 'content-type: application/json' http://127.0.0.1:18090/graphql \
    -d '{"query":"query($i: ID!) { author(id: $i) { id name } }","variables":{"i":"a77"}}')
[ "$answer" = "$expected" ] || { echo "http.sh: wrong answer: $answer" >&2; exit 1; }

# measure PORT PID: "requests-a-second microseconds-a-request".
measure() {
    local before after out requests
    before=$(awk '{ print $14 + $15 }' "/proc/$2/stat")
    out=$(wrk -t1 -c16 -d"${seconds}s" -s post.lua "http://127.0.0.1:$1/graphql")
    after=$(awk '{ print $14 + $15 }' "/proc/$2/stat")
    if grep -q 'Non-2xx' <<<"$out"; then
        echo "http.sh: answers were refused" >&2
        return 1
    fi
    requests=$(awk '/requests in/ { print $1 }' <<<"$out")
    awk -v rate="$(awk '/Requests\/sec/ { print $2 }' <<<"$out")" -v n="$requests" \
        -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" \
        'BEGIN { printf "%.0f %.2f\n", rate, ticks / hz * 1e6 / n }'
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

for ((i = 0; i < rounds; i++)); do
    read -r hello_rate hello_us < <(measure 18091 "${pids[1]}")
    read -r rate us < <(measure 18090 "${pids[0]}")
    ratio=$(awk -v a="$rate" -v b="$hello_rate" 'BEGIN { printf "%.3f", a / b }')
    echo "$ratio" >>ratios
    echo "$us" >>us
    echo "$hello_us" >>hello_us
    printf '{"bench":"http","case":"by key","rate":%s,"hello_rate":%s,' "$rate" "$hello_rate"
    printf '"ratio":%s,"us":%s,"hello_us":%s}\n' "$ratio" "$us" "$hello_us"
done
printf '{"bench":"http","case":"by key","rounds":%s,"ratio":%s,"us":%s,"hello_us":%s}\n' \
    "$rounds" "$(median <ratios)" "$(median <us)" "$(median <hello_us)"
