import type { ServerOptions } from "node:http";
import type { Socket } from "node:net";
import type { ConnectionLimits } from "../../config/connection-limits.js";
import { ageOf } from "./http2-sessions.js";

/** For a server of HTTP/1.1, whose requests have so much time to arrive whole. */
export function toHttp1Options(limits: ConnectionLimits, maxRequestMs: number): ServerOptions {
  const { maxHeaderBytes, headersTimeoutMs, maxConnectionIdleMs } = limits;
  return {
    maxHeaderSize: maxHeaderBytes,
    // Node would answer nothing but the status.
    requireHostHeader: false,
    headersTimeout: headersTimeoutMs,
    requestTimeout: Math.max(maxRequestMs, headersTimeoutMs),
    keepAliveTimeout: maxConnectionIdleMs,
    connectionsCheckingInterval: Math.ceil(headersTimeoutMs / 4),
  };
}

/** Has a connection that reaches its age end with its next answer, or after the time of grace. */
export function limitAge(socket: Socket, limits: ConnectionLimits): void {
  const endsAt = performance.now() + ageOf(limits);
  ends.set(socket, endsAt);
  const timer = setTimeout(
    () => socket.destroy(),
    endsAt - performance.now() + limits.maxConnectionAgeGraceMs,
  );
  socket.once("close", () => clearTimeout(timer));
}

/** Whether a connection has reached its age. */
export function isOld(socket: Socket): boolean {
  return performance.now() >= (ends.get(socket) ?? Number.POSITIVE_INFINITY);
}

const ends = new WeakMap<Socket, number>();
