#!/usr/bin/env bash
# audits.sh QUIRE SCRATCH
#
# The audits of the npm package graphql-http: no error, no warning. The package
# is pinned by npm/package-lock.json; tools/check installs it in QUIRE_NPM_DIR.
set -euo pipefail

quire=$1 scratch=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
packages=${QUIRE_NPM_DIR:-}
if ! command -v node >/dev/null || [ ! -d "$packages/node_modules/graphql-http" ]; then
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
cp "$here/npm/audits.mjs" "$packages/"
node "$packages/audits.mjs" "$url"
serve_end
