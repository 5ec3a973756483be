import type { TestKey } from "../../../test/support/prices.js";
import type { Endpoint } from "../../../test/support/service.js";

/** A price that a write sets. */
export type WrittenRow = { readonly key: TestKey; readonly price: string };

/** The response to a write: its price book version, and when its prices take effect. */
export type WriteAnswer = { readonly version: bigint; readonly effectiveFrom: number };

/** A write that can be sent several times, with the same request id and body. */
export type Write = {
  /** Also stored as the reason of each revision, so that the database shows what the write did. */
  readonly requestId: string;
  readonly rows: readonly WrittenRow[];
  readonly send: (endpoint: Endpoint, timeoutMs: number) => Promise<WriteAnswer>;
};

/** A write, and what its client knows about it. */
export type Entry = Write & {
  /** Unanswered: only the database knows the outcome. Rejected: the service returned an error. */
  state: "sent" | "answered" | "rejected" | "unanswered";
  answer?: WriteAnswer;
};

/** A charge that was calculated. */
export type ChargeSeen = {
  readonly key: TestKey;
  /** The time that was priced, in epoch milliseconds. */
  readonly asOf: number;
  /** Undefined if there was no price. */
  readonly markup: string | undefined;
  readonly priceFrom: number | undefined;
  readonly accountCharge: string | undefined;
  /** Undefined if there was no price: the error does not name the version. */
  readonly bookVersion: bigint | undefined;
};

/** Everything that the clients wrote and read while one fault happened. */
export type WriteLog = {
  readonly entries: Entry[];
  readonly charges: ChargeSeen[];
  /** Broken promises that no fault excuses, in words. */
  readonly violations: string[];
  /** Remarks for the report. */
  readonly notes: string[];
  /** How many calculations failed, by code or reason. */
  readonly unanswered: Map<string, number>;
  /** The last answered write of each key. Calculations choose from these keys. */
  readonly known: Map<TestKey, WriteAnswer>;
  /** Whether PostgreSQL's clock is set meanwhile, so that "now" may be wrong and go back. */
  readonly setsDatabaseClock: boolean;
};

export function createWriteLog(setsDatabaseClock = false): WriteLog {
  return {
    ...{ entries: [], charges: [], violations: [], notes: [] },
    ...{ unanswered: new Map(), known: new Map(), setsDatabaseClock },
  };
}

/** Adds one to a count. */
export function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** Returns the sum of the counts of these names, by default of all. */
export function sum(counts: ReadonlyMap<string, number>, names = [...counts.keys()]): number {
  return names.reduce((total, name) => total + (counts.get(name) ?? 0), 0);
}
