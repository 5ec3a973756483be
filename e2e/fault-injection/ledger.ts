import type { TestKey } from "../../test/support/prices.js";
import type { Endpoint } from "../../test/support/service.js";

/** A change that was to be made to a price. */
export type WrittenRow = { readonly key: TestKey; readonly price: string };

/** What a write is answered: the version it made, and from when on its prices are in effect. */
export type WriteAnswer = { readonly version: bigint; readonly effectiveFrom: number };

/** A write that can be sent any number of times, with the same request id and body. */
export type Write = {
  /** It is the reason as well, by which the database shows what the write has done. */
  readonly requestId: string;
  readonly rows: readonly WrittenRow[];
  readonly send: (door: Endpoint, timeoutMs: number) => Promise<WriteAnswer>;
};

/** A write, and what the client knows of it. */
export type Entry = Write & {
  /** Unanswered: only the database knows. Refused: the service said that it does not do it. */
  state: "sent" | "answered" | "refused" | "unanswered";
  answer?: WriteAnswer;
};

/** A charge as it was answered. */
export type ChargeSeen = {
  readonly key: TestKey;
  /** The instant that was priced at. */
  readonly asOf: number;
  /** Undefined: there was no price then. */
  readonly markup: string | undefined;
  readonly priceFrom: number | undefined;
  readonly bookVersion: bigint;
};

/** All that the clients of one fault have written and seen. */
export type Ledger = {
  readonly entries: Entry[];
  readonly charges: ChargeSeen[];
  /** What no fault excuses, in words. */
  readonly violations: string[];
  /** What else there is to say. */
  readonly notes: string[];
  /** Calculations that were not answered, by the code or the reason. */
  readonly unanswered: Map<string, number>;
  /** The last answered write of each key, which calculations ask for. */
  readonly known: Map<TestKey, WriteAnswer>;
  /** The newest instant that a charge was answered at. */
  newest: number;
};

export function openLedger(): Ledger {
  return {
    ...{ entries: [], charges: [], violations: [], notes: [] },
    ...{ unanswered: new Map(), known: new Map(), newest: 0 },
  };
}

/** Adds one to a count. */
export function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** What the counts of these names, or of all, come to. */
export function sum(counts: ReadonlyMap<string, number>, names = [...counts.keys()]): number {
  return names.reduce((total, name) => total + (counts.get(name) ?? 0), 0);
}
