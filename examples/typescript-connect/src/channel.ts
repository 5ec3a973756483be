// region channel
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { readCredentials } from "./credentials.js";

/**
 * Whether a call may succeed when it is made again: the service is UNAVAILABLE, or the connection has ended.
 * The library then fails with other codes, and without the details that each error of the service has.
 */
function isTransient({ code, details }: ConnectError): boolean {
  return code === Code.Unavailable || (details.length === 0 && codesOfTheLibrary.has(code));
}

const codesOfTheLibrary: ReadonlySet<Code> = new Set([
  ...[Code.Canceled, Code.Aborted, Code.Internal, Code.Unknown],
]);

/** Makes a call again, up to three times, after a transient error; a stream never. */
export const retrying: Interceptor = (next) => async (request) => {
  for (let backoffMs = 100; backoffMs < 800; backoffMs *= 2) {
    try {
      return await next(request);
    } catch (error) {
      const isOver = request.stream || request.signal.aborted;
      if (isOver || !isTransient(ConnectError.from(error))) throw error;
      await sleep(backoffMs, undefined, { signal: request.signal });
    }
  }
  return next(request);
};

/** Makes the one transport of a process. Streams in both directions need HTTP/2. */
export function connect(address: string): Transport {
  const { interceptors, ...credentials } = readCredentials(address);
  return createConnectTransport({
    ...credentials,
    httpVersion: "2",
    defaultTimeoutMs: 10_000,
    pingIntervalMs: 60_000,
    pingTimeoutMs: 20_000,
    interceptors: [retrying, ...interceptors],
  });
}
// endregion
