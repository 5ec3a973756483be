#!/usr/bin/env bash
# Follows the README: clones, starts with one command, and pastes the two calls that it prints.
#
#   run.sh [FOLDER]     FOLDER must not exist; default: one below a folder that only we can enter
#
# Needs git, npm, curl and grpcurl. Prints "N passed, N failed" and fails when anything did.
set -uo pipefail

command -v grpcurl >/dev/null || {
  echo "grpcurl is missing: go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3" >&2
  exit 1
}
source=$(git rev-parse --show-toplevel)
folder=${1:-$(mktemp -d)/llmprices}
passed=0
failed=0
check() { # check WHAT COMMAND...: runs it and counts
  if "${@:2}"; then
    passed=$((passed + 1))
    echo "ok      $1"
  else
    failed=$((failed + 1))
    echo "FAILED  $1"
  fi
}

began=$(date +%s%N)
git clone --quiet "$source" "$folder" && cd "$folder" || exit 1
npm ci --no-audit --no-fund >../npm-ci.log 2>&1 || { cat ../npm-ci.log; exit 1; }

export GRPC_ADDR=127.0.0.1:0 HTTP_ADDR=127.0.0.1:0 OPS_ADDR=127.0.0.1:0
start() { # starts the service and waits for its startup banner
  setsid npm start >start.out 2>start.log & # a process group of its own, as in a terminal
  npm=$!
  for _ in $(seq 1200); do
    grep -q '^curl ' start.out && return
    kill -0 "$npm" 2>/dev/null || break
    sleep 0.1
  done
  cat start.out start.log
  return 1
}
stop() { # sends a signal to a process or group, and waits until no process of the service is left
  kill "-$1" -- "$2"
  wait "$npm"
  for _ in $(seq 100); do pgrep -f "$folder" >/dev/null || return 0; sleep 0.1; done
  pgrep -af "$folder"
  return 1
}
answers() { # pastes the printed line that begins with $1
  grep "^$1 " start.out | bash | tr -d ' \n' | tee "$1.out" | grep -q '"accountCharge":"312.8125"'
}

check "npm start prints its banner" start
check "the printed curl call answers the charge" answers curl
echo "        $(( ($(date +%s%N) - began) / 1000000 )) ms from git clone to the first correct charge"
check "the printed grpcurl call answers the charge" answers grpcurl
check "Ctrl-C stops it" stop INT "-$npm"
check "a second start prints its banner" start
check "and finds the same prices" answers grpcurl
check "kill of npm alone stops it too" stop TERM "$npm"

# As root, below a folder of root's, the data lie where PostgreSQL's user can reach them.
rm -rf "$(readlink -f .llmprices/postgres)" "$folder"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
