import type { Checks } from "../../../bench/support/checks.js";
import type { Fault } from "../faults/fault.js";
import type { Outcome } from "../inject-fault.js";

/** Checks that what the service promises has held while a fault happened. */
export function checkPromises({ check }: Checks, fault: Fault, outcome: Outcome): void {
  const of = (promise: string) => `${fault.what}: ${promise}`;
  const { answered, answeredFound, half, refusedFound, repeats, wrongCharges } = outcome;
  check(
    of("every answered write is there, as it was answered"),
    answered >= leastWrites && answeredFound === answered,
    `${answeredFound} of ${answered}`,
  );
  check(
    of("every other is there whole or not at all, and what was refused is not"),
    half === 0 && refusedFound === 0,
    `${outcome.unanswered} unanswered, ${half} half; ${refusedFound} refused and there`,
  );
  check(
    of("a repeat with its request_id is answered, and does nothing twice"),
    repeats.count > 0 && repeats.problems.length === 0 && outcome.duplicates === 0,
    list([`${repeats.count} repeats, ${outcome.duplicates} done twice`, ...repeats.problems]),
  );
  check(
    of(`every charge is right, ${fault.isRepriced ? "at its version" : "for ever"}`),
    outcome.charges >= leastCharges && wrongCharges.length === 0,
    list([`${outcome.charges} charges, ${wrongCharges.length} wrong`, ...wrongCharges]),
  );
  check(
    of("nobody is answered anything else than UNAVAILABLE or DEADLINE_EXCEEDED"),
    outcome.violations.length === 0,
    list([
      [...[...outcome.reasons].map((each) => each.join(" ")), ...outcome.notes].join(", "),
      ...outcome.violations,
    ]),
  );
  if (fault.felt !== "nothing") {
    check(of("the fault was felt"), outcome.isFelt, `by ${fault.felt}`);
  }
  check(
    of("all is well again, without help"),
    outcome.recoverySeconds <= recoveryLimitSeconds,
    `after ${outcome.recoverySeconds.toFixed(1)} s`,
  );
}

/** The first of many is enough to go on. */
function list(lines: readonly string[]): string {
  const shown = lines.slice(0, 6).join("\n        ");
  return lines.length > 6 ? `${shown}\n        and ${lines.length - 6} more` : shown;
}

/** Without them nothing was tried. */
const leastWrites = 5;
const leastCharges = 100;
const recoveryLimitSeconds = 40;
