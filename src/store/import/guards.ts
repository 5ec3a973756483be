import type { Knex } from "knex";
import { Decimal, toPlainText } from "../../domain/decimal.js";
import { DomainError } from "../../domain/domain-error.js";
import { type Instant, toInstantText } from "../../domain/instant.js";
import type { ImportOptions } from "../../domain/price-import.js";
import { toKeyText } from "../../domain/price-key.js";
import { type KeyColumns, keyColumns, toKey, toPrice } from "../prices/price-columns.js";
import { inScope, toScopeBindings } from "./scope.js";

/** Returns an IMPORT_GUARD error for each guard of the terms that the plan violates. */
export async function findGuardErrors(
  transaction: Knex,
  now: Instant,
  options: ImportOptions,
): Promise<DomainError[]> {
  const { maxEndPercent, maxChangePercent } = options.guards;
  const errors = [
    options.missing.endPrices && maxEndPercent !== undefined
      ? await checkEnds(transaction, now, options, maxEndPercent)
      : undefined,
    maxChangePercent === undefined ? undefined : await checkChanges(transaction, maxChangePercent),
  ];
  return errors.filter((error) => error !== undefined);
}

async function checkEnds(
  transaction: Knex,
  now: Instant,
  { scope }: ImportOptions,
  limit: Decimal,
): Promise<DomainError | undefined> {
  const { rows } = await transaction.raw(`
    select count(distinct llm_price_id) as ended from import_steps
    where row_number is null and (adds or cancels) and price is null`);
  const ended = Number(rows[0].ended);
  if (ended === 0) return undefined;
  const total = await countPrices(transaction, now, scope);
  if (new Decimal(ended).times(100).lte(limit.times(total))) return undefined;
  const percent = toPlainText(new Decimal(ended).times(100).div(total).toDecimalPlaces(1));
  return new DomainError(
    "IMPORT_GUARD",
    `${ended} of ${total} prices (${percent} %) would end, because they have no row; ` +
      `max_end_percent is ${toPlainText(limit)}; nothing was written`,
    {
      metadata: {
        ...{ guard: "max_end_percent", limit: toPlainText(limit) },
        ...{ ended: String(ended), of: String(total) },
      },
    },
  );
}

/** Counts the keys of a scope that have a price, now or scheduled. */
async function countPrices(
  transaction: Knex,
  now: Instant,
  scope: ImportOptions["scope"],
): Promise<number> {
  const { rows } = await transaction.raw(
    `
    select count(*) as prices from llm_prices key
    cross join lateral (
      select
        (array_agg(price order by effective_from desc)
          filter (where effective_from <= cast(:now as timestamptz)))[1] as price_now,
        bool_or(effective_from > cast(:now as timestamptz) and price is not null) as is_scheduled
      from llm_price_revisions where llm_price_id = key.id and superseded_in is null
    ) book
    where (price_now is not null or is_scheduled) and ${inScope}`,
    { now: toInstantText(now), ...toScopeBindings(scope) },
  );
  return Number(rows[0].prices);
}

async function checkChanges(transaction: Knex, limit: Decimal): Promise<DomainError | undefined> {
  const { rows } = await transaction.raw(
    `
    select ${keyColumns}, price_before, price, count(*) over () as changes
    from import_steps
    where (adds or replaces or cancels)
      and abs(price - price_before) * 100 > cast(:limit as numeric) * price_before
    order by row_number nulls last, ${keyColumns}
    limit :maxKeys`,
    { limit: toPlainText(limit), maxKeys: maxNamedChanges },
  );
  if (rows.length === 0) return undefined;
  const count = Number(rows[0].changes);
  const named = rows.map(describeChange);
  const shown = named.slice(0, maxInMessage).join(", ");
  const others = count > maxInMessage ? ` and ${count - maxInMessage} others` : "";
  return new DomainError(
    "IMPORT_GUARD",
    `prices would change by more than max_change_percent, which is ${toPlainText(limit)}: ` +
      `${shown}${others}; nothing was written`,
    {
      metadata: {
        ...{ guard: "max_change_percent", limit: toPlainText(limit) },
        changed_keys: String(count),
        ...Object.fromEntries(named.map((text: string, i: number) => [`key_${i + 1}`, text])),
      },
    },
  );
}

function describeChange(row: KeyColumns & { price_before: string; price: string }): string {
  const [before, after] = [row.price_before, row.price].map((text) =>
    toPlainText(toPrice(text) as Decimal),
  );
  return `${toKeyText(toKey(row))} from ${before} to ${after}`;
}

const maxNamedChanges = 20;
/** The most changes in the text of the message. */
const maxInMessage = 3;
