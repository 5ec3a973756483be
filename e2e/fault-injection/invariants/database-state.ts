import type { TestKey } from "../../../test/support/prices.js";
import type { Environment } from "../environment/environment.js";
import type { ChargeSeen, Entry, WriteLog } from "../load/write-log.js";

/** A revision in the database. */
export type Revision = {
  /** The request id of its write. */
  readonly reason: string;
  readonly key: string;
  readonly price: string | null;
  readonly effectiveFrom: number;
  readonly version: bigint;
  /** The version that took it back. */
  readonly supersededIn: bigint | undefined;
};

/** All revisions in the database, by write and by key. */
export type DatabaseState = {
  readonly byWrite: ReadonlyMap<string, readonly Revision[]>;
  /** In ascending order of effective time. */
  readonly byKey: ReadonlyMap<string, readonly Revision[]>;
  /** How many models an import registered without a price. */
  readonly idleModels: number;
};

export async function readDatabaseState({ query }: Environment): Promise<DatabaseState> {
  const rows = await query(`
    select reason, charge_type || '/' || provider || '/' || model as key, price::text as price,
      (extract(epoch from effective_from) * 1000)::bigint::text as from_ms, version::text,
      superseded_in::text
    from (
      select revision.*, key.charge_type, key.provider, key.model, revision.book_version as version
      from llm_price_revisions revision join llm_prices key on key.id = revision.llm_price_id
    ) revision
    order by key, effective_from`);
  const revisions = rows.map((row) => ({
    ...{ reason: String(row.reason), key: String(row.key), price: row.price as string | null },
    ...{ effectiveFrom: Number(row.from_ms), version: BigInt(row.version as string) },
    supersededIn: row.superseded_in === null ? undefined : BigInt(row.superseded_in as string),
  }));
  const idle = await query(`
    select count(*)::int as count from models model
    where provider = 'imported' and not exists (
      select from llm_prices key where (key.provider, key.model) = (model.provider, model.name)
    )`);
  return {
    byWrite: groupBy(revisions, ({ reason }) => reason),
    byKey: groupBy(revisions, ({ key }) => key),
    idleModels: Number(idle[0]?.count),
  };
}

/** Returns how much of a write the database has. */
export function extentOf(write: Entry, { byWrite }: DatabaseState): "whole" | "none" | "half" {
  const found = byWrite.get(write.requestId) ?? [];
  if (found.length === 0) return "none";
  const [first] = found;
  const written = new Map(write.rows.map(({ key, price }) => [toText(key), price]));
  const isWhole =
    found.length === write.rows.length &&
    found.every(
      ({ key, price, version, effectiveFrom }) =>
        price === written.get(key) &&
        version === first?.version &&
        effectiveFrom === first.effectiveFrom,
    );
  return isWhole ? "whole" : "half";
}

/** Returns whether the database has the write as it was answered. */
export function isAsAnswered(write: Entry, databaseState: DatabaseState): boolean {
  const [first] = databaseState.byWrite.get(write.requestId) ?? [];
  return (
    extentOf(write, databaseState) === "whole" &&
    first?.version === write.answer?.version &&
    first?.effectiveFrom === write.answer?.effectiveFrom
  );
}

/** Returns the charges that differ from what the database says at their time and version. */
export function findWrongCharges({ charges }: WriteLog, state: DatabaseState): string[] {
  return charges.flatMap((charge) => {
    const { key, asOf, markup, priceFrom, bookVersion } = charge;
    if (bookVersion === undefined) return [];
    const right = findRevision(charge, state);
    if (markup === (right?.price ?? undefined) && priceFrom === right?.effectiveFrom) return [];
    const seen = `${markup} from ${priceFrom} in version ${bookVersion}`;
    const is = `${right?.price} from ${right?.effectiveFrom}, version ${right?.version}`;
    return [`${toText(key)} at ${asOf} was ${seen}; it is ${is}`];
  });
}

/** Counts the charges at prices that a later version has taken back. */
export function countCorrected({ charges }: WriteLog, state: DatabaseState): number {
  return charges.filter((charge) => findRevision(charge, state)?.supersededIn !== undefined).length;
}

/** Returns the revision in effect at the time and version of a charge. */
function findRevision(
  { key, asOf, bookVersion }: ChargeSeen,
  { byKey }: DatabaseState,
): Revision | undefined {
  if (bookVersion === undefined) return undefined;
  return byKey
    .get(toText(key))
    ?.findLast(
      ({ effectiveFrom, version, supersededIn }) =>
        effectiveFrom <= asOf &&
        version <= bookVersion &&
        (supersededIn === undefined || supersededIn > bookVersion),
    );
}

export function toText({ chargeType, provider, model }: TestKey): string {
  return `${chargeType}/${provider}/${model}`;
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group === undefined) groups.set(keyOf(value), [value]);
    else group.push(value);
  }
  return groups;
}
