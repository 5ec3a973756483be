// region channel
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";

/** Makes a call again, up to three times, while the service is UNAVAILABLE; a stream never. */
const retrying: Interceptor = (next) => async (request) => {
  for (let backoffMs = 100; backoffMs < 800; backoffMs *= 2) {
    try {
      return await next(request);
    } catch (error) {
      if (request.stream || ConnectError.from(error).code !== Code.Unavailable) throw error;
      await sleep(backoffMs, undefined, { signal: request.signal });
    }
  }
  return next(request);
};

/** Makes the one transport of a process. Streams in both directions need HTTP/2. */
export function connect(address: string): Transport {
  return createConnectTransport({
    baseUrl: `http://${address}`,
    httpVersion: "2",
    defaultTimeoutMs: 10_000,
    pingIntervalMs: 60_000,
    pingTimeoutMs: 20_000,
    interceptors: [retrying],
  });
}
// endregion
