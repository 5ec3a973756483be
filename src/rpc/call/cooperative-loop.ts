import { createYieldTimer } from "../../async/yield-to-event-loop.js";

/**
 * Runs a generator to its end and yields to the event loop every 5 ms, so that other calls of this
 * thread go on.
 *
 * @throws the signal's reason when it aborts.
 */
export async function runCooperatively<T>(
  steps: Generator<undefined, T>,
  signal: AbortSignal,
): Promise<T> {
  const timer = createYieldTimer();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (!timer.isDue()) continue;
    await timer.yield();
    signal.throwIfAborted();
  }
}
