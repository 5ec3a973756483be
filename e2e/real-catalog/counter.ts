import { inspect, isDeepStrictEqual } from "node:util";

/** Counts expected responses, and keeps the first unexpected ones. */
export type Counter = {
  /** Waits for a response. An error, or another value than the expected one, is a failure. */
  readonly compare: (what: unknown, answer: Promise<unknown>, expected: unknown) => Promise<void>;
  /** Runs a phase and prints how many answers it compared, in what time. */
  readonly phase: <T>(name: string, work: () => Promise<T>) => Promise<T>;
  /** Prints the first mismatches in full and, as the last line, the counts. */
  readonly print: () => void;
  readonly failed: () => number;
};

export function createCounter(): Counter {
  let passed = 0;
  let failed = 0;
  const mismatches: unknown[] = [];

  const compare: Counter["compare"] = async (what, answer, expected) => {
    const actual = await answer.catch((error: unknown) => ({ error }));
    if (isDeepStrictEqual(actual, expected)) {
      passed += 1;
      return;
    }
    failed += 1;
    if (mismatches.length < maxPrinted) mismatches.push({ what, expected, actual });
  };

  async function phase<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = { passed, failed };
    const began = performance.now();
    const result = await work();
    const seconds = (performance.now() - began) / 1000;
    const answers = passed + failed - before.passed - before.failed;
    console.log(
      `${name}: ${answers} answers, ${failed - before.failed} of them wrong, ` +
        `in ${seconds.toFixed(1)} s (${Math.round(answers / seconds)} a second)`,
    );
    return result;
  }

  const print = () => {
    for (const mismatch of mismatches) console.log(`mismatch: ${inspect(mismatch, inFull)}`);
    if (failed > mismatches.length) console.log(`and ${failed - mismatches.length} more`);
    console.log(`${passed} passed, ${failed} failed`);
  };

  return { compare, phase, print, failed: () => failed };
}

const maxPrinted = 5;
const inFull = { depth: null, maxStringLength: null, maxArrayLength: null } as const;
