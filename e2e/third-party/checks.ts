import { config } from "chai";

// Show differences in full.
config.truncateThreshold = 0;

/** Counts the checks that pass and fail, and prints each. */
export type Checks = {
  /** Runs `work`, which throws if the check fails, prints the outcome, and counts it. */
  readonly check: (what: string, work: () => unknown) => Promise<void>;
  /** Prints, as the last line, the counts. */
  readonly print: () => void;
  readonly failed: () => number;
};

export function createChecks(): Checks {
  let passed = 0;
  let failed = 0;
  return {
    check: async (what, work) => {
      try {
        await work();
        passed += 1;
        console.log(`ok      ${what}`);
      } catch (error) {
        failed += 1;
        console.log(`not ok  ${what}`);
        console.log(
          String(error instanceof Error ? error.stack : error).replace(/^/gm, "        "),
        );
      }
    },
    print: () => console.log(`${passed} passed, ${failed} failed`),
    failed: () => failed,
  };
}
