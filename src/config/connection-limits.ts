import type { CallLimits } from "./call-limits.js";
import { numberReader, type ReadVariable } from "./environment.js";

/** Reads the limits of connections. The default grace period is as long as the longest call. */
export function readConnectionLimits(
  read: ReadVariable,
  {
    maxCallTimeoutMs,
    maxStreamTimeoutMs,
  }: Pick<CallLimits, "maxCallTimeoutMs" | "maxStreamTimeoutMs">,
): ConnectionLimits {
  const limit = numberReader(read);
  // Undefined: the value is invalid, which is already reported.
  const longestCallMs = Math.max(maxCallTimeoutMs ?? 0, maxStreamTimeoutMs ?? 0);
  const graceMs = longestCallMs + closingMs;
  return {
    maxConnections: limit("MAX_CONNECTIONS", 10_000, 1, 1_000_000),
    maxConcurrentStreams: limit("MAX_CONCURRENT_STREAMS", 200, 1, 1_000_000),
    maxHeaderBytes: limit("MAX_HEADER_BYTES", 16 * 1024, 1024, 1024 * 1024),
    headersTimeoutMs: limit("HEADERS_TIMEOUT_MS", 10_000, 1, 600_000),
    maxConnectionAgeMs: limit("MAX_CONNECTION_AGE_MS", 1_800_000, 1, 604_800_000),
    maxConnectionAgeGraceMs: limit("MAX_CONNECTION_AGE_GRACE_MS", graceMs, 0, 604_800_000),
    maxConnectionIdleMs: limit("MAX_CONNECTION_IDLE_MS", 900_000, 1, 604_800_000),
    keepaliveTimeMs: limit("KEEPALIVE_TIME_MS", 60_000, 1, 86_400_000),
    keepaliveTimeoutMs: limit("KEEPALIVE_TIMEOUT_MS", 20_000, 1, 600_000),
  };
}

/** Time for the response of the last call to arrive. */
const closingMs = 10_000;

/** The limits of the connections of each listener, per process. */
export type ConnectionLimits = {
  readonly maxConnections: number;
  /** Per HTTP/2 connection. */
  readonly maxConcurrentStreams: number;
  readonly maxHeaderBytes: number;
  /** HTTP/1.1: from the first byte of a connection or request to the end of its headers. */
  readonly headersTimeoutMs: number;
  /** Varies by ±10 %, so that connections opened together do not close together. */
  readonly maxConnectionAgeMs: number;
  /** How long running calls may continue on a connection that has reached its age. */
  readonly maxConnectionAgeGraceMs: number;
  /** How long a connection may have no new call. */
  readonly maxConnectionIdleMs: number;
  /** How often HTTP/2 connections are pinged, and how long to wait for the acknowledgement. */
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
};
