/** Counts the checks that pass and fail, and prints each. */
export type Checks = {
  /** Prints and counts a check. */
  readonly check: (what: string, hasPassed: boolean, detail?: string) => void;
  /** Prints the counts, as the last line of the output. */
  readonly print: () => void;
  readonly failed: () => number;
};

export function createChecks(): Checks {
  let passed = 0;
  let failed = 0;
  return {
    check: (what, hasPassed, detail) => {
      if (hasPassed) passed += 1;
      else failed += 1;
      console.log(`${hasPassed ? "ok    " : "FAILED"}  ${what}${detail ? `: ${detail}` : ""}`);
    },
    print: () => console.log(`${passed} passed, ${failed} failed`),
    failed: () => failed,
  };
}
