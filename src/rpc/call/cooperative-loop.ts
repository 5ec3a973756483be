import { setImmediate as nextTurn } from "node:timers/promises";

/**
 * Runs a generator to its end and lets other work of the thread go on every few milliseconds.
 *
 * @throws the signal's reason when it aborts.
 */
export async function runCooperatively<T>(
  steps: Generator<undefined, T>,
  signal: AbortSignal,
): Promise<T> {
  let turnEndsAt = performance.now() + yieldAfterMs;
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (performance.now() < turnEndsAt) continue;
    await nextTurn();
    signal.throwIfAborted();
    turnEndsAt = performance.now() + yieldAfterMs;
  }
}

const yieldAfterMs = 5;
