#!/usr/bin/env bash
# Runs an npm script that writes files, and fails if they are not what is committed.
#
#   is-fresh.sh SCRIPT PATH...
set -euo pipefail
npm run --silent "$1"
shift
git diff --exit-code -- "$@"
untracked=$(git ls-files --others --exclude-standard -- "$@")
if [ -n "$untracked" ]; then
  echo "not committed: $untracked"
  exit 1
fi
