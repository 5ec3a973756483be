#!/usr/bin/env bash
# Generates the client's code into gen/ and compiles the programs into bin/.
set -euo pipefail
cd "$(dirname "$0")"

# region build
npx buf export ../../proto -o proto
npx buf generate
go build -o bin/ ./decimals ./first-charge ./first-charge-from-usage ./scenario
# endregion
