import { setTimeout as wait } from "node:timers/promises";

/** Makes calls one after another until `large` ends. Returns how many were answered. */
export async function countCallsDuring(
  large: Promise<unknown>,
  call: () => Promise<unknown>,
  pauseMs: number,
): Promise<number> {
  let isDone = false;
  const done = large.finally(() => {
    isDone = true;
  });
  let answered = 0;
  for (; !isDone; answered += 1) {
    await call();
    // Without a pause, these calls would take the CPU from the thread, which has a lower priority.
    await wait(pauseMs);
  }
  await done;
  return answered;
}
