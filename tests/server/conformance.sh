#!/usr/bin/env bash
# conformance.sh QUIRE SCRATCH
#
# The checks of GraphQL over HTTP (run-http.mjs of the corpus in
# QUIRE_CONFORMANCE_DIR) against a server of its own. Every check must pass,
# also those that the draft only recommends or allows.
set -euo pipefail

quire=$1 scratch=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -z "${QUIRE_CONFORMANCE_DIR:-}" ] || [ ! -f "$QUIRE_CONFORMANCE_DIR/run-http.mjs" ]; then
    echo "skipped: QUIRE_CONFORMANCE_DIR is not set, or has no run-http.mjs"
    exit 0
fi
if ! command -v node >/dev/null; then
    echo "skipped: node is missing"
    exit 0
fi
# shellcheck source=tests/server/serve.sh
source "$here/serve.sh"
serve "$quire" "$scratch"

node "$QUIRE_CONFORMANCE_DIR/run-http.mjs" "$url" | tee result
serve_end

# Lines of "LEVEL passed/all".
awk '/^(MUST|SHOULD|MAY) / { split($2, n, "/"); passed += n[1]; all += n[2] }
     END { printf "%d passed, %d failed, 0 skipped\n", passed, all - passed
           exit !(all >= 95 && passed == all) }' result
