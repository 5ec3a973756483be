/** Something that happens once. */
export type OneShotEvent = { readonly happened: Promise<void>; readonly happen: () => void };

export function createOneShotEvent(): OneShotEvent {
  let happen = () => {};
  const happened = new Promise<void>((resolve) => {
    happen = resolve;
  });
  return { happened, happen };
}

/**
 * Waits for an event, for so long at most.
 *
 * @throws the signal's reason when that aborts.
 */
export async function within(
  limitMs: number,
  signal: AbortSignal,
  event: OneShotEvent,
): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
      resolve();
    };
    const leave = () => {
      reject(signal.reason);
      end();
    };
    const timer = setTimeout(end, limitMs);
    signal.addEventListener("abort", leave);
    void event.happened.then(end);
  });
}
