#!/usr/bin/env bash
# streams.sh QUIRE SCRATCH
#
# Subscriptions with the npm packages graphql-sse and graphql-ws, as pages use them. They are
# pinned by npm/package-lock.json; tools/check installs them in QUIRE_NPM_DIR.
set -euo pipefail

quire=$1 scratch=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
packages=${QUIRE_NPM_DIR:-}
if ! command -v node >/dev/null || [ ! -d "$packages/node_modules/graphql-sse" ]; then
    if [ -n "${CI:-}" ]; then
        echo "node is missing, or QUIRE_NPM_DIR does not lead to installed packages"
        exit 1
    fi
    echo "skipped: node is missing, or QUIRE_NPM_DIR is not set (see tools/check)"
    exit 0
fi
# shellcheck source=tests/server/serve.sh
source "$here/serve.sh"
serve "$quire" "$scratch"
cp "$here/npm/streams.mjs" "$packages/"
node "$packages/streams.mjs" "$url"
serve_end
