import { raceAbort } from "../async/race-abort.js";
import { withTimeout } from "../async/with-timeout.js";

/** A promise and the function that resolves it. */
export type OneShotEvent = { readonly happened: Promise<void>; readonly happen: () => void };

export function createOneShotEvent(): OneShotEvent {
  let happen = () => {};
  const happened = new Promise<void>((resolve) => {
    happen = resolve;
  });
  return { happened, happen };
}

/**
 * Waits for an event, for at most `limitMs`.
 *
 * @throws the signal's reason when it aborts.
 */
export function waitForEvent(
  event: OneShotEvent,
  limitMs: number,
  signal: AbortSignal,
): Promise<void> {
  return withTimeout(raceAbort(event.happened, signal), limitMs, () => {});
}
