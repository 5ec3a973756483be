import type { Logger } from "pino";
import type { Address } from "../config/address.js";
import type { ConnectionLimits } from "../config/connection-limits.js";
import type { Authorizer } from "./auth/authorizer.js";
import type { CallLog } from "./calls/call-log.js";
import type { CallTurns } from "./connections/call-turns.js";
import type { SessionQueue } from "./connections/session-queue.js";
import type { Mount } from "./pipeline/services.js";
import type { ThreadPool } from "./threads/thread-pool.js";
import type { Tls } from "./tls/tls.js";

/** An open port. */
export type Listener = {
  /** The address it listens on, with the actual port if 0 was configured. */
  readonly address: Address;
  /** Accepts no new calls, waits up to `graceMs` for running calls, then aborts them. */
  readonly close: (graceMs: number) => Promise<void>;
};

/** An open port for clients, which may stop without losing their calls. */
export type ClientListener = Listener & {
  /** Accepts the connections that wait for it, and no more. */
  readonly stopAccepting: () => Promise<void>;
};

/** The limits that a listener applies to its clients. */
export type ListenerLimits = {
  readonly connections: ConnectionLimits;
  readonly maxMessageBytes: number;
  readonly maxCallTimeoutMs: number;
  readonly maxStreamTimeoutMs: number;
};

/** Returns the longest that any call may take. */
export function longestCallMs({ maxCallTimeoutMs, maxStreamTimeoutMs }: ListenerLimits): number {
  return Math.max(maxCallTimeoutMs, maxStreamTimeoutMs);
}

/** What a listener needs to authorize, limit, log and handle calls. */
export type ListenerDependencies = {
  readonly mountServices: (mount: Mount) => void;
  readonly threads: ThreadPool;
  readonly authorizer: Authorizer;
  readonly limits: ListenerLimits;
  /** Starts the HTTP/2 sessions of all listeners. */
  readonly queue: SessionQueue;
  /** Starts the calls of all listeners. */
  readonly turns: CallTurns;
  readonly callLog: CallLog;
  readonly log: Logger;
  /** Undefined if the listener uses plain text. */
  readonly tls: Tls | undefined;
};
