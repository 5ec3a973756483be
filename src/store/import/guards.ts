import type { Knex } from "knex";
import { Decimal, toPlainText } from "../../domain/decimal.js";
import { DomainError } from "../../domain/domain-error.js";
import { type Instant, toInstantText } from "../../domain/instant.js";
import type { ImportOptions } from "../../domain/timeline-import.js";
import { type AnyImportTable, type ImportTable, revisionsOf } from "./import-table.js";
import { checkPriceChanges } from "./prices/price-changes-guard.js";

/** Returns an IMPORT_GUARD error for each guard of the terms that the plan violates. */
export async function findGuardErrors<K, V>(
  transaction: Knex,
  table: ImportTable<K, V>,
  now: Instant,
  options: ImportOptions,
): Promise<DomainError[]> {
  const { maxEndPercent, maxChangePercent } = options.guards;
  const errors = [
    options.missing.endValues && maxEndPercent !== undefined
      ? await checkEnds(transaction, table, now, options, maxEndPercent)
      : undefined,
    maxChangePercent === undefined
      ? undefined
      : await checkPriceChanges(transaction, maxChangePercent),
  ];
  return errors.filter((error) => error !== undefined);
}

async function checkEnds<K, V>(
  transaction: Knex,
  table: ImportTable<K, V>,
  now: Instant,
  { scope }: ImportOptions,
  limit: Decimal,
): Promise<DomainError | undefined> {
  const { rows } = await transaction.raw(`
    select count(distinct key_id) as ended from import_steps
    where row_number is null and (adds or cancels) and value is null`);
  const ended = Number(rows[0].ended);
  if (ended === 0) return undefined;
  const total = await countKeys(transaction, table, now, table.bindScope(scope));
  if (new Decimal(ended).times(100).lte(limit.times(total))) return undefined;
  const percent = toPlainText(new Decimal(ended).times(100).div(total).toDecimalPlaces(1));
  return new DomainError(
    "IMPORT_GUARD",
    `${ended} of ${total} ${table.noun}s (${percent} %) would end, because they have no row; ` +
      `max_end_percent is ${toPlainText(limit)}; nothing was written`,
    {
      metadata: {
        ...{ guard: "max_end_percent", limit: toPlainText(limit) },
        ...{ ended: String(ended), of: String(total) },
      },
    },
  );
}

/** Counts the keys of a scope that have a value, now or scheduled. */
async function countKeys(
  transaction: Knex,
  table: AnyImportTable,
  now: Instant,
  scope: Readonly<Record<string, string>>,
): Promise<number> {
  const { rows } = await transaction.raw(
    `
    select count(*) as keys from ${table.timelines.keys} key
    cross join lateral (
      select
        (array_agg(value order by effective_from desc)
          filter (where effective_from <= cast(:now as timestamptz)))[1] as value_now,
        bool_or(effective_from > cast(:now as timestamptz) and value is not null) as is_scheduled
      from ${revisionsOf(table)} revision where revision.key_id = key.id and superseded_in is null
    ) book
    where (value_now is not null or is_scheduled) and ${table.inScope}`,
    { now: toInstantText(now), ...scope },
  );
  return Number(rows[0].keys);
}
