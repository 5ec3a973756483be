import type { TestKey } from "../../../test/support/prices.js";
import type { World } from "../environment/environment.js";
import type { Entry, Ledger } from "../load/write-log.js";

/** A revision as the database has it. */
export type Revision = {
  /** The request id of the write that made it. */
  readonly reason: string;
  readonly key: string;
  readonly price: string | null;
  readonly effectiveFrom: number;
  readonly version: bigint;
};

/** All revisions of the database, by what asks for them. */
export type Findings = {
  readonly byWrite: ReadonlyMap<string, readonly Revision[]>;
  /** Ascending. */
  readonly byKey: ReadonlyMap<string, readonly Revision[]>;
  /** Models that an import has registered without a price. */
  readonly idleModels: number;
};

export async function readFindings({ query }: World): Promise<Findings> {
  const rows = await query(`
    select reason, charge_type || '/' || provider || '/' || model as key, price::text as price,
      (extract(epoch from effective_from) * 1000)::bigint::text as from_ms, version::text
    from (
      select revision.*, key.charge_type, key.provider, key.model, revision.book_version as version
      from llm_price_revisions revision join llm_prices key on key.id = revision.llm_price_id
    ) revision
    order by key, effective_from`);
  const revisions = rows.map((row) => ({
    ...{ reason: String(row.reason), key: String(row.key), price: row.price as string | null },
    ...{ effectiveFrom: Number(row.from_ms), version: BigInt(row.version as string) },
  }));
  const idle = await query(`
    select count(*)::int as count from models model
    where provider = 'bulk' and not exists (
      select from llm_prices key where (key.provider, key.model) = (model.provider, model.name)
    )`);
  return {
    byWrite: groupBy(revisions, ({ reason }) => reason),
    byKey: groupBy(revisions, ({ key }) => key),
    idleModels: Number(idle[0]?.count),
  };
}

/** What the database has of a write. */
export function extentOf(write: Entry, { byWrite }: Findings): "whole" | "none" | "half" {
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

/** Whether the database has what the client was answered. */
export function isAsAnswered(write: Entry, findings: Findings): boolean {
  const [first] = findings.byWrite.get(write.requestId) ?? [];
  return (
    extentOf(write, findings) === "whole" &&
    first?.version === write.answer?.version &&
    first?.effectiveFrom === write.answer?.effectiveFrom
  );
}

/**
 * Charges that are not what the timelines of the database say of their instants: by all versions, or,
 * `atTheirVersion`, by those that the charge was made with.
 */
export function findWrongCharges(
  { charges }: Ledger,
  { byKey }: Findings,
  atTheirVersion: boolean,
): string[] {
  return charges.flatMap(({ key, asOf, markup, priceFrom, bookVersion }) => {
    const timeline = byKey.get(toText(key)) ?? [];
    const right = timeline.findLast(
      ({ effectiveFrom, version }) =>
        effectiveFrom <= asOf && (!atTheirVersion || version <= bookVersion),
    );
    if (markup === (right?.price ?? undefined) && priceFrom === right?.effectiveFrom) return [];
    const seen = `${markup} from ${priceFrom} in version ${bookVersion}`;
    const is = `${right?.price} from ${right?.effectiveFrom}, version ${right?.version}`;
    return [`${toText(key)} at ${asOf} was ${seen}; it is ${is}`];
  });
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
