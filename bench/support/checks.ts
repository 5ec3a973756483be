/** Counts the checks that pass and fail, and prints each. */
export type Checks = {
  /** Prints the check, with its detail, and counts it. */
  readonly check: (what: string, isKept: boolean, detail?: string) => void;
  /** Prints, as the last line, the counts. */
  readonly print: () => void;
  readonly failed: () => number;
};

export function createChecks(): Checks {
  let passed = 0;
  let failed = 0;
  return {
    check: (what, isKept, detail) => {
      if (isKept) passed += 1;
      else failed += 1;
      console.log(`${isKept ? "ok    " : "FAILED"}  ${what}${detail ? `: ${detail}` : ""}`);
    },
    print: () => console.log(`${passed} passed, ${failed} failed`),
    failed: () => failed,
  };
}
