# Runs lists of suites and adds up their counts. A list is an array of names, each followed by a command.
# Sourced by run.sh.

# Longer than any suite takes on a busy machine. A suite that exceeds it is stopped and fails.
limit_seconds=1200

scratch=$(mktemp -d)
chmod 755 "$scratch"
results=$scratch/results
failures=$scratch/failures
trap stop_suites EXIT

# Runs two lists at the same time. The second list gets only the processor time that the first leaves.
side_by_side() { # side_by_side LIST LIST
  one_by_one "$1" &
  (
    renice -n 19 "$BASHPID" >/dev/null
    one_by_one "$2"
  ) &
  wait
}

one_by_one() { # one_by_one LIST
  local -n suites=$1
  local i running
  trap 'kill "$running" 2>/dev/null; exit 143' INT TERM
  for ((i = 0; i < ${#suites[@]}; i += 2)); do run_suite "${suites[i]}" "${suites[i + 1]}"; done
}

# Runs a suite, and prints its output under its name when it has ended.
run_suite() { # run_suite NAME COMMAND
  local name=$1 log times status TIMEFORMAT="%0R %0U %0S"
  log=$(mktemp "$scratch/log.XXXX")
  times=$(mktemp "$scratch/times.XXXX")
  in_turn echo "--- $name: started"
  {
    time {
      timeout --kill-after=60 "$limit_seconds" bash -c "$2" >"$log" 2>&1 </dev/null &
      running=$!
      wait "$running"
      status=$?
    }
  } 2>"$times"
  in_turn report "$name" "$status" "$log" $(tail -n 1 "$times")
}

# Takes a lock, so that the output of two lists does not mix.
in_turn() {
  (
    flock 9
    "$@"
  ) 9>"$scratch/lock"
}

# Prints a suite's output, and reads the counts from mocha's summary or from "N passed, N failed". A
# suite without counts is one check. A suite that fails, or that ran no test, never counts as passed.
report() { # report NAME STATUS LOG WALL USER SYSTEM
  local passed failed
  passed=$(sed -nE 's/^ *([0-9]+) passing.*/\1/p; s/^([0-9]+) passed, [0-9]+ failed.*/\1/p' "$3" | tail -n 1)
  failed=$(sed -nE 's/^ *([0-9]+) failing.*/\1/p; s/^[0-9]+ passed, ([0-9]+) failed.*/\1/p' "$3" | tail -n 1)
  : "${passed:=$(($2 == 0 ? 1 : 0))}" "${failed:=0}"
  if [ "$failed" -eq 0 ] && { [ "$2" -ne 0 ] || [ "$passed" -eq 0 ]; }; then failed=1; fi
  echo
  echo "=== $1"
  cat "$3"
  if [ "$2" -eq 124 ]; then echo "stopped after $limit_seconds seconds"; fi
  if [ "$failed" -ne 0 ]; then { echo "--- $1" && excerpt "$3"; } >>"$failures"; fi
  printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$passed" "$failed" "$4" "$(($5 + $6))" >>"$results"
}

# Prints the failed checks of an output, or its end if it names none.
excerpt() { # excerpt LOG
  grep -E -A 6 "^(FAILED|not ok)" "$1" | cut -c 1-1000 | head -n 60 | grep . || tail -n 40 "$1"
}

# Prints the failed checks of each failed suite again, a row for each suite, and the totals as the last
# line. A suite without a result has failed.
print_totals() { # print_totals LIST...
  local list i total_passed=0 total_failed=0 name passed failed wall cpu
  for list in "$@"; do
    local -n suites=$list
    for ((i = 0; i < ${#suites[@]}; i += 2)); do
      cut -f 1 "$results" | grep -qxF "${suites[i]}" || printf '%s (not run)\t0\t1\t0\t0\n' "${suites[i]}" >>"$results"
    done
  done
  if [ -s "$failures" ]; then printf '\n=== failed suites\n' && cat "$failures"; fi
  echo
  printf '%-48s %9s %7s %8s %8s\n' suite passed failed seconds "cpu s"
  while IFS=$'\t' read -r name passed failed wall cpu; do
    printf '%-48s %9s %7s %8s %8s\n' "$name" "$passed" "$failed" "$wall" "$cpu"
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
  done <"$results"
  printf '%-48s %26s\n' "all" "$SECONDS"
  echo
  echo "$total_passed passed, $total_failed failed"
  [ "$total_failed" -eq 0 ]
}

stop_suites() {
  local jobs
  jobs=$(jobs -p)
  if [ -n "$jobs" ]; then
    kill $jobs
    wait
  fi
  rm -rf "$scratch"
}
