#!/usr/bin/env bash
# Installs versions of Node.js from the npm package "node", each into a folder of $NODE_VERSIONS.
#
#   install-node.sh VERSION...
set -euo pipefail
for version in "$@"; do
  npm install --silent --no-audit --no-fund --prefix "$NODE_VERSIONS/$version" "node@$version"
  "$NODE_VERSIONS/$version/node_modules/node/bin/node" --version
done
