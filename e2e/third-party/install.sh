#!/usr/bin/env bash
# Installs what `npm run test:e2e:third-party` needs and this machine lacks: the tools that are written in Go
# or Python into FOLDER, to be put on the PATH, and the others as packages of Debian.
#
#   install.sh FOLDER
set -euo pipefail
mkdir -p "$1"
folder=$(realpath "$1")

go_tool() { # go_tool MODULE VERSION PACKAGE
  command -v "${3##*/}" >/dev/null && return
  local module
  module=$(mktemp -d)
  # Not "go install PACKAGE@VERSION": that asks for a list of versions, which not every proxy has.
  printf 'module tool\n\ngo 1.24\n\nrequire %s %s\n' "$1" "$2" >"$module/go.mod"
  (cd "$module" && GOBIN="$folder" go install -mod=mod "$3")
  rm -rf "$module"
}
python_tool() { # python_tool NAME VERSION: command and package
  command -v "$1" >/dev/null && return
  python3 -c 'import venv, ensurepip' 2>/dev/null || {
    apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null
  }
  python3 -m venv "$folder/python-$1"
  "$folder/python-$1/bin/pip" install --quiet --disable-pip-version-check "$1==$2"
  ln -sf "$folder/python-$1/bin/$1" "$folder/$1"
}
debian_tool() { # debian_tool NAME: command and package
  command -v "$1" >/dev/null || apt-get install -y -qq --no-install-recommends "$1" >/dev/null || {
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "$1" >/dev/null
  }
}

go_tool github.com/fullstorydev/grpcurl v1.9.3 github.com/fullstorydev/grpcurl/cmd/grpcurl
go_tool github.com/bojand/ghz v0.121.0 github.com/bojand/ghz/cmd/ghz
go_tool github.com/grpc-ecosystem/grpc-health-probe v0.4.62 github.com/grpc-ecosystem/grpc-health-probe
go_tool github.com/googleapis/api-linter v1.72.0 github.com/googleapis/api-linter/cmd/api-linter
python_tool schemathesis 4.32.5
debian_tool curl
debian_tool chromium
