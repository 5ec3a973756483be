import type { Knex } from "knex";
import type { DomainError } from "../../../domain/domain-error.js";
import type { Instant } from "../../../domain/instant.js";
import type { TimelineTable } from "../../../store/timelines/timeline-table.js";
import { findKey, type KeyRow, type TimelineRef } from "../../../store/timelines/timelines.js";
import type { CallFacts } from "../../call/call-facts.js";

/** A kind of timelines: prices, or rate cards. What its reads and writes do not have in common. */
export type TimelineKind<K, V> = {
  readonly table: TimelineTable<K, V>;
  readonly toKeyText: (key: K) => string;
  /** Returns what the log line of a write says about its value. */
  readonly factsOf: (value: V) => CallFacts;
  /** Does the same for a response, which may be the saved one of an earlier call. */
  readonly factsOfResponse: (response: object) => CallFacts;
  /** Locks the names in the catalog that a new key refers to. @throws DomainError: a name is missing. */
  readonly lockNames: (transaction: Knex, key: K) => Promise<void>;
  /** Creates the error of a key without a value at an instant, or of an unknown id. */
  readonly notFound: (knex: Knex, ref: TimelineRef<K>, at: Instant) => Promise<DomainError>;
};

/** Returns a key, whatever its timeline says. @throws DomainError: there is no such key. */
export async function getKey<K extends object>(
  knex: Knex,
  { table, notFound }: Pick<TimelineKind<K, unknown>, "table" | "notFound">,
  lookup: TimelineRef<K>,
): Promise<KeyRow<K>> {
  const found = await findKey(knex, table, lookup);
  if (found !== undefined) return found;
  throw await notFound(knex, lookup, Date.now());
}
