import type { Logger } from "pino";
import type { Address } from "../config/address.js";
import type { ConnectionLimits } from "../config/connection-limits.js";
import type { Authorizer } from "./auth/authorizer.js";
import type { CallLog } from "./calls/call-log.js";
import type { Mount } from "./pipeline/services.js";
import type { ThreadPool } from "./threads/thread-pool.js";
import type { Tls } from "./tls/tls.js";

/** A door that is open. */
export type Listener = {
  /** Where it listens: the port is the real one where 0 was asked for. */
  readonly address: Address;
  /** Takes no new calls, waits for those at work for up to `graceMs`, then cuts them off. */
  readonly close: (graceMs: number) => Promise<void>;
};

/** What a door gives its callers at most. */
export type ListenerLimits = {
  readonly connections: ConnectionLimits;
  readonly maxMessageBytes: number;
  readonly maxCallTimeoutMs: number;
  readonly maxStreamTimeoutMs: number;
};

/** The most time that any call gets. */
export function longestCallMs({ maxCallTimeoutMs, maxStreamTimeoutMs }: ListenerLimits): number {
  return Math.max(maxCallTimeoutMs, maxStreamTimeoutMs);
}

/** What a door leads to, and who stands in it. */
export type ListenerDependencies = {
  readonly mountServices: (mount: Mount) => void;
  readonly threads: ThreadPool;
  readonly authorizer: Authorizer;
  readonly limits: ListenerLimits;
  readonly callLog: CallLog;
  readonly log: Logger;
  /** Undefined: the door speaks plain text. */
  readonly tls: Tls | undefined;
};
