import { setImmediate as nextIteration } from "node:timers/promises";

/** Says when long work must yield to the event loop, and yields. */
export type YieldTimer = {
  /** Returns true when 5 ms have passed since the timer was created or last yielded. */
  readonly isDue: () => boolean;
  /** Lets the event loop run other work once. */
  readonly yield: () => Promise<void>;
};

/** Creates a timer for one piece of long work. `isDue` is cheap enough to call for each row. */
export function createYieldTimer(): YieldTimer {
  let dueAt = performance.now() + yieldAfterMs;
  return {
    isDue: () => performance.now() >= dueAt,
    yield: async () => {
      await nextIteration();
      dueAt = performance.now() + yieldAfterMs;
    },
  };
}

const yieldAfterMs = 5;
