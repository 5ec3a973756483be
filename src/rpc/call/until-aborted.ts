import { raceAbort } from "../../async/race-abort.js";

/**
 * Returns the messages of a stream until the signal aborts. The stream itself may never report that
 * its client has gone.
 *
 * @throws the signal's reason when it aborts.
 */
export function abortable<T>(
  messages: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncIterableIterator<T> {
  const iterator = messages[Symbol.asyncIterator]();
  return {
    next: async () => {
      signal.throwIfAborted();
      return raceAbort(iterator.next(), signal);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
