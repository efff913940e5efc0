#!/usr/bin/env bash
# clients.sh QUIRE SCRATCH
#
# What programs do with Apollo Client, urql and graphql-request, each against a server of its own,
# which it kills and starts again. They are pinned by npm/package-lock.json; tools/check installs
# them in QUIRE_NPM_DIR.
set -euo pipefail

quire=$1 scratch=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
packages=${QUIRE_NPM_DIR:-}
if ! command -v node >/dev/null || [ ! -d "$packages/node_modules/@apollo/client" ]; then
    if [ -n "${CI:-}" ]; then
        echo "node is missing, or QUIRE_NPM_DIR does not lead to installed packages"
        exit 1
    fi
    echo "skipped: node is missing, or QUIRE_NPM_DIR is not set (see tools/check)"
    exit 0
fi
rm -rf "$scratch"
mkdir -p "$scratch"
cp "$here"/npm/*.mjs "$packages/"
failed=0
for client in apollo urql graphql-request; do
    echo "$client:"
    node "$packages/$client.mjs" "$quire" "$scratch" || failed=1
done
exit "$failed"
