import type { Address } from "./address.js";
import type { ConnectionLimits } from "./connections.js";

/** A door that is open. */
export type Door = {
  /** Where it listens: the port is the real one where 0 was asked for. */
  readonly address: Address;
  /** Takes no new calls, waits for those at work for up to `graceMs`, then cuts them off. */
  readonly close: (graceMs: number) => Promise<void>;
};

/** What a door gives its callers at most. */
export type DoorLimits = {
  readonly connections: ConnectionLimits;
  readonly maxMessageBytes: number;
  readonly maxCallTimeoutMs: number;
  readonly maxStreamTimeoutMs: number;
};
