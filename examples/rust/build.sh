#!/usr/bin/env bash
# Compiles the programs into target/debug/; build.rs generates the client's code.
set -euo pipefail
cd "$(dirname "$0")"

# region build
npx buf export ../../proto -o proto
cargo build --locked --quiet
# endregion
