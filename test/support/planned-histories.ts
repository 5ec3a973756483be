import { expect } from "chai";
import fc from "fast-check";
import { Decimal, toPlainText } from "../../src/domain/decimal.js";
import { DomainError } from "../../src/domain/domain-error.js";
import { everyone, type Key } from "../../src/domain/price-key.js";
import {
  type Change,
  planCancel,
  planCreate,
  planDelete,
  planUpdate,
  type Timeline,
} from "../../src/domain/timeline.js";
import { PriceBookSnapshot } from "../../src/price-book/snapshot.js";
import { SnapshotBuilder } from "../../src/price-book/snapshot-builder.js";
import {
  anyOneKeyWrites,
  HistoryBook,
  type HistoryWrite,
  historyKeys,
  instantOf,
  isRejected,
} from "../oracle/price-histories.js";

type OneKeyWrite = Exclude<HistoryWrite, { kind: "import" }>;
/** A row as the database keeps it. */
type Row = {
  readonly effectiveFrom: number;
  readonly value: Decimal | null;
  readonly bookVersion: number;
  readonly supersededIn: number | undefined;
};

/** Plans a write as its handler does. Undefined: there is nothing to change. */
function plan(write: OneKeyWrite, rows: readonly Row[], now: number): Change<Decimal> | undefined {
  const correctsPast = write.kind !== "cancel" && write.correctPast;
  const standing = rows
    .filter(({ supersededIn }) => supersededIn === undefined)
    .sort((a, b) => a.effectiveFrom - b.effectiveFrom);
  const current = standing.findLastIndex(({ effectiveFrom }) => effectiveFrom <= now);
  const revisions = correctsPast ? standing : standing.slice(Math.max(0, current));
  const timeline: Timeline<Decimal> = { now, revisions, hasHistory: rows.length > 0, correctsPast };
  const from = write.from === 0 ? undefined : instantOf(write.from, now);
  switch (write.kind) {
    case "create":
      return planCreate("price", timeline, new Decimal(write.price), from);
    case "update":
      return planUpdate(timeline, new Decimal(write.price), from);
    case "delete":
      return planDelete(timeline, from);
    case "cancel":
      return planCancel(timeline, from ?? now);
  }
}

function apply(rows: readonly Row[], { supersede, add }: Change<Decimal>, version: number): Row[] {
  const kept = rows.map((row) =>
    row.supersededIn === undefined && supersede.includes(row.effectiveFrom)
      ? { ...row, supersededIn: version }
      : row,
  );
  return add === undefined
    ? kept
    : [...kept, { ...add, bookVersion: version, supersededIn: undefined }];
}

function orUndefined<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
}

function toRow(key: Key, rows: readonly Row[]) {
  const revisions = rows
    .map(({ value, supersededIn, ...row }) => ({
      ...{ ...row, supersededIn: supersededIn ?? 0 },
      priceUnits: value === null ? -1 : value.times("1e10").toNumber(),
    }))
    .sort((a, b) => a.effectiveFrom - b.effectiveFrom);
  return {
    ...{ key, id: `00000000-0000-4000-8000-00000000000${key.model.at(-1)}` },
    standing: revisions.filter(({ supersededIn }) => supersededIn === 0),
    superseded: revisions.filter(({ supersededIn }) => supersededIn > 0),
  };
}

/**
 * Runs generated histories through the plans of writes and through snapshots, without a database.
 *
 * @throws when they differ from the oracle, with the shortest history found.
 */
export function checkPlannedHistories(numRuns: number, seed = Date.now()): Promise<void> {
  const property = fc.asyncProperty(anyOneKeyWrites, checkHistory);
  return fc.assert(property, { numRuns, seed, includeErrorInReport: true });
}

/** Runs a history through the plans and the snapshots, and compares all versions with the oracle. */
async function checkHistory(writes: readonly OneKeyWrite[]): Promise<void> {
  const book = new HistoryBook(0n);
  const rows: Row[][] = historyKeys.map(() => []);
  let snapshot = PriceBookSnapshot.none;
  let now = Date.UTC(2026, 0, 1);
  for (const write of writes) {
    now += 1000;
    const before = rows[write.key] ?? [];
    const change = orUndefined(() => plan(write, before, now));
    const expected = book.stepsAfter(write, now);
    expect(change === undefined).to.equal(isRejected(expected));
    if (change === undefined || isRejected(expected)) continue;
    const version = Number(book.version) + 1;
    rows[write.key] = apply(before, change, version);
    book.add(BigInt(version), expected);
    const builder = new SnapshotBuilder(snapshot);
    builder.add(toRow(keys[write.key] as Key, rows[write.key] ?? []));
    snapshot = await builder.finish(BigInt(version), now);
  }
  const instants = new Set(
    book.versions.flatMap((version) =>
      historyKeys.flatMap((key) => book.stepsAt(version, key).flatMap(({ at }) => [at - 1, at])),
    ),
  );
  for (const version of book.versions) {
    for (const key of historyKeys) {
      for (const at of instants) {
        const found = snapshot.priceAt(keys[key] as Key, at, version);
        const price = found && {
          price: toPlainText(found.price),
          from: found.effectiveFrom,
          until: found.effectiveUntil,
        };
        const wanted = book.priceAt(version, key, at);
        if (JSON.stringify(price) === JSON.stringify(wanted)) continue;
        expect({ version, key, at, price }).to.deep.equal({ version, key, at, price: wanted });
      }
    }
  }
}

const keys = historyKeys.map((i) => ({
  ...everyone,
  chargeType: "tool",
  provider: "acme",
  model: `model-${i}`,
}));
