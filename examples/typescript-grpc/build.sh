#!/usr/bin/env bash
# Installs the packages, generates types into gen/ and compiles the programs into dist/.
set -euo pipefail
cd "$(dirname "$0")"

# region build
npx buf export ../../proto -o proto
npm ci --silent --no-audit --no-fund
npx proto-loader-gen-types --outDir gen --grpcLib @grpc/grpc-js --importFileExtension .js \
  --longs String --enums String --defaults --oneofs \
  --includeDirs proto node_modules/google-proto-files -- llmprices/v1/catalog_service.proto llmprices/v1/pricing_service.proto \
  google/rpc/error_details.proto
npx tsc
# endregion
