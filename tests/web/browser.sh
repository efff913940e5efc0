#!/usr/bin/env bash
# browser.sh QUIRE SCRATCH
#
# The pages of the server in headless Chromium, driven by the npm package
# playwright-core. It is pinned by npm/package-lock.json; tools/check installs it in
# QUIRE_WEB_TESTS_DIR, and the browser from Debian.
set -euo pipefail

quire=$1 scratch=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
packages=${QUIRE_WEB_TESTS_DIR:-}
pages=$(dirname "$quire")/../share/quire/web

# lacks WHAT: ends the test for want of it; in continuous integration that is a failure.
lacks() {
    if [ -n "${CI:-}" ]; then
        echo "$1"
        exit 1
    fi
    echo "skipped: $1"
    exit 0
}

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
command -v node >/dev/null || lacks "node is missing"
[ -n "$browser" ] || lacks "chromium is missing"
[ -d "$packages/node_modules/playwright-core" ] ||
    lacks "QUIRE_WEB_TESTS_DIR does not lead to installed packages (see tools/check)"
[ -f "$pages/graphiql.html" ] || lacks "GraphiQL is not built (see QUIRE_WEB in tools/web)"

cp "$here"/npm/*.mjs "$packages/"
mkdir -p "$scratch"
scratch=$(mktemp -d "$scratch/run-XXXXXX")
exec node "$packages/main.mjs" "$quire" "$scratch" "$browser"
