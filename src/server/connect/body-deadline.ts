import { Code, ConnectError } from "@connectrpc/connect";

/** Has a call's signal abort when its time is up, in the terms of Connect. */
export function abortWhenLate(end: AbortController, limitMs: number): NodeJS.Timeout {
  const late = () => new ConnectError("the call's time is up", Code.DeadlineExceeded);
  return setTimeout(() => end.abort(late()), limitMs);
}

/**
 * A body that fails with the signal's reason as soon as that aborts: Connect waits for the end of a
 * message for as long as its caller takes.
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
  const abort = () => fail(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  return {
    next: () =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        fail = reject;
        chunks.next().then(resolve, reject);
      }),
    return: async () => {
      signal.removeEventListener("abort", abort);
      // Not awaited: it waits for the next chunk, which may never come.
      chunks.return?.().catch(() => undefined);
      return { done: true, value: undefined };
    },
  };
}
