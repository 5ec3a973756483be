import type { Checks } from "../../../bench/support/checks.js";
import type { Fault } from "../faults/fault.js";
import type { Outcome } from "../inject-fault.js";

/** Checks that the service kept its promises while a fault happened. */
export function checkInvariants({ check }: Checks, fault: Fault, outcome: Outcome): void {
  const of = (promise: string) => `${fault.what}: ${promise}`;
  const { answered, answeredFound, half, rejectedFound, repeats, wrongCharges } = outcome;
  check(
    of("the database has every answered write, as it was answered"),
    answered >= leastWrites && answeredFound === answered,
    `${answeredFound} of ${answered}`,
  );
  check(
    of("other writes are complete or absent, and rejected ones are absent"),
    half === 0 && rejectedFound === 0,
    `${outcome.unanswered} unanswered, ${half} half; ${rejectedFound} rejected and present`,
  );
  check(
    of("a write repeated with its request_id is answered, and done once"),
    repeats.count > 0 && repeats.problems.length === 0 && outcome.duplicates === 0,
    list([`${repeats.count} repeats, ${outcome.duplicates} done twice`, ...repeats.problems]),
  );
  check(
    of("every charge is correct at its version, and repeats exactly on each replica"),
    outcome.charges >= leastCharges && wrongCharges.length === 0,
    list([
      `${outcome.charges} charges, ${outcome.corrected} corrected since, ${wrongCharges.length} wrong`,
      ...wrongCharges,
    ]),
  );
  check(
    of("calls fail only with UNAVAILABLE or DEADLINE_EXCEEDED"),
    outcome.violations.length === 0,
    list([
      [...[...outcome.reasons].map((each) => each.join(" ")), ...outcome.notes].join(", "),
      ...outcome.violations,
    ]),
  );
  if (fault.affects !== "nothing") {
    check(of(`${fault.affects} failed meanwhile`), outcome.isNoticed);
  }
  check(
    of("the service recovers by itself"),
    outcome.recoverySeconds <= recoveryLimitSeconds,
    `after ${outcome.recoverySeconds.toFixed(1)} s`,
  );
}

/** Lists the first lines, and counts the others. */
function list(lines: readonly string[]): string {
  const shown = lines.slice(0, 6).join("\n        ");
  return lines.length > 6 ? `${shown}\n        and ${lines.length - 6} more` : shown;
}

/** With fewer, the load did not run. */
const leastWrites = 5;
const leastCharges = 100;
/** A pool may drop its dead connections one after the other, 3 seconds each. The rest is for a busy machine. */
const recoveryLimitSeconds = 60;
