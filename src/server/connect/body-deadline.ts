import { Code, ConnectError } from "@connectrpc/connect";

/** Aborts a call with DEADLINE_EXCEEDED after `limitMs`. Returns the timer. */
export function abortWhenLate(call: AbortController, limitMs: number): NodeJS.Timeout {
  const toError = () => new ConnectError("the call's time is up", Code.DeadlineExceeded);
  return setTimeout(() => call.abort(toError()), limitMs);
}

/**
 * Returns a body that fails with the signal's reason as soon as the signal aborts. Connect itself
 * waits for the end of a message without a limit.
 */
export function readUntil(
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => iterateUntil(body[Symbol.asyncIterator](), signal) };
}

function iterateUntil(
  chunks: AsyncIterator<Uint8Array>,
  signal: AbortSignal,
): AsyncIterator<Uint8Array> {
  // One listener for all chunks: `raceAbort` adds one for each, which takes 5 times as long.
  let fail: (reason: unknown) => void = () => {};
  const onAbort = () => fail(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    next: () =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        fail = reject;
        chunks.next().then(resolve, reject);
      }),
    return: async () => {
      signal.removeEventListener("abort", onAbort);
      // Not awaited: it waits for the next chunk, which may never come.
      chunks.return?.().catch(() => undefined);
      return { done: true, value: undefined };
    },
  };
}
