import type { IncomingMessage, ServerOptions } from "node:http";
import type { Socket } from "node:net";
import type { ConnectionLimits } from "../../config/connection-limits.js";
import { Http1Response } from "./http1-response.js";
import { randomMaxAgeMs } from "./http2-sessions.js";

/** Returns options for an HTTP/1.1 server. A request must arrive whole within `maxRequestMs`. */
export function toHttp1Options(limits: ConnectionLimits, maxRequestMs: number): Http1Options {
  const { maxHeaderBytes, headersTimeoutMs, maxConnectionIdleMs } = limits;
  return {
    ServerResponse: Http1Response,
    maxHeaderSize: maxHeaderBytes,
    // Node would send a bare status; the request listener sends an error.
    requireHostHeader: false,
    headersTimeout: headersTimeoutMs,
    requestTimeout: Math.max(maxRequestMs, headersTimeoutMs),
    keepAliveTimeout: maxConnectionIdleMs,
    connectionsCheckingInterval: Math.ceil(headersTimeoutMs / 4),
  };
}

export type Http1Options = ServerOptions<typeof IncomingMessage, typeof Http1Response>;

/**
 * Limits the age of a connection. When the age is reached, the connection closes with its next
 * response, or at the latest after the grace period.
 */
export function limitAge(socket: Socket, limits: ConnectionLimits): void {
  const endsAt = performance.now() + randomMaxAgeMs(limits);
  endTimes.set(socket, endsAt);
  const timer = setTimeout(
    () => socket.destroy(),
    endsAt - performance.now() + limits.maxConnectionAgeGraceMs,
  );
  socket.once("close", () => clearTimeout(timer));
}

/** Returns whether a connection has reached its maximum age. */
export function hasReachedMaxAge(socket: Socket): boolean {
  return performance.now() >= (endTimes.get(socket) ?? Number.POSITIVE_INFINITY);
}

const endTimes = new WeakMap<Socket, number>();
