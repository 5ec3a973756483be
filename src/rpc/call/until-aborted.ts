/**
 * Messages as they come, until the signal aborts: whoever waits for a caller may never be told by the
 * stream that it has gone.
 *
 * @throws the signal's reason.
 */
export function abortable<T>(
  messages: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncIterableIterator<T> {
  const iterator = messages[Symbol.asyncIterator]();
  return {
    next: () =>
      new Promise((resolve, reject) => {
        const leave = () => reject(signal.reason);
        if (signal.aborted) return leave();
        signal.addEventListener("abort", leave, { once: true });
        iterator
          .next()
          .then(resolve, reject)
          .finally(() => signal.removeEventListener("abort", leave));
      }),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
