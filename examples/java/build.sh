#!/usr/bin/env bash
# Generates the client's code and compiles the programs into target/, with what they depend on.
set -euo pipefail
cd "$(dirname "$0")"

# region build
# google.rpc comes with grpc-protobuf.
npx buf export ../../proto -o src/main/proto --exclude-imports
mvn --batch-mode --quiet compile dependency:copy-dependencies -DincludeScope=runtime
# endregion
