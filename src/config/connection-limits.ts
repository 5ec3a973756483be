import type { CallLimits } from "./call-limits.js";
import { numberReader, type ReadVariable } from "./environment.js";

/** A connection that has reached its age waits for the longest call, unless told otherwise. */
export function readConnectionLimits(
  read: ReadVariable,
  {
    maxCallTimeoutMs,
    maxStreamTimeoutMs,
  }: Pick<CallLimits, "maxCallTimeoutMs" | "maxStreamTimeoutMs">,
): ConnectionLimits {
  const limit = numberReader(read);
  // Undefined: one of them is wrong, which has been said.
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

/** For the answer of the last call to arrive. */
const closingMs = 10_000;
/** What a door gives its connections at most. The same on both doors, of each process. */
export type ConnectionLimits = {
  readonly maxConnections: number;
  /** Of one HTTP/2 connection. */
  readonly maxConcurrentStreams: number;
  readonly maxHeaderBytes: number;
  /** From a connection's first byte, or a request's, to the end of its headers: HTTP/1.1. */
  readonly headersTimeoutMs: number;
  /** A tenth more or less, so that connections that began together do not end so. */
  readonly maxConnectionAgeMs: number;
  /** How long calls under way go on, on a connection that has reached its age. */
  readonly maxConnectionAgeGraceMs: number;
  /** How long a connection may be without a new call. */
  readonly maxConnectionIdleMs: number;
  /** How often an HTTP/2 connection is asked whether it lives, and how long for. */
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
};
