import { config } from "chai";

// Of what differs, a person wants to see all.
config.truncateThreshold = 0;

/** Counts what is as it should be, and says what is not. */
export type Checks = {
  /** Does `work`, which throws where something is wrong, prints what it was about, and counts it. */
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
