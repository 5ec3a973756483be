#!/usr/bin/env bash
# Runs a command on a version of Node.js that install-node.sh has installed.
#
#   on-node.sh VERSION COMMAND...
set -euo pipefail
export PATH="$NODE_VERSIONS/$1/node_modules/node/bin:$PATH"
node --version | tee /dev/stderr | grep -q "^v$1\."
shift
exec "$@"
