#!/usr/bin/env bash
# Installs the packages, generates code into gen/ and compiles the programs into dist/.
set -euo pipefail
cd "$(dirname "$0")"

# region build
npx buf export ../../proto -o proto
npm ci --silent --no-audit --no-fund
PATH=$PWD/node_modules/.bin:$PATH npx buf generate
npx tsc
# endregion
