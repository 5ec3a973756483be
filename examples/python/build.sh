#!/usr/bin/env bash
# Installs the packages into .venv/ and generates the client's code into gen/.
set -euo pipefail
cd "$(dirname "$0")"

# region build
npx buf export ../../proto -o proto
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
mkdir -p gen
# google.rpc comes with googleapis-common-protos.
.venv/bin/python -m grpc_tools.protoc -I proto \
  --python_out gen --pyi_out gen --grpc_python_out gen proto/llmprices/v1/*.proto
# endregion
