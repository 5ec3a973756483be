import type { Knex } from "knex";
import { Decimal, toPlainText } from "../../../domain/decimal.js";
import type { Instant } from "../../../domain/instant.js";
import type { Key } from "../../../domain/price-key.js";
import { type KeyColumns, keyColumns, toKey } from "../../prices/price-columns.js";
import type { CountedWarnings } from "../import-table.js";
import { maxWarnings } from "../warnings.js";
import { findPatternWarnings } from "./pattern-warnings.js";

/** Returns the first warnings about prices and patterns of the plan, and the number of all. */
export async function findPriceWarnings(
  transaction: Knex,
  now: Instant,
): Promise<CountedWarnings<Key>> {
  const { rows } = await transaction.raw(unusualPrices);
  const patterns = await findPatternWarnings(transaction, now);
  const prices = rows.map((row: UnusualRow) => ({
    row: Number(row.row_number),
    key: toKey(row),
    description: `price is ${toPlainText(new Decimal(row.value))}, which is unusual: most are 0.1 to 10`,
  }));
  return {
    warnings: [...prices, ...patterns],
    count: Number(rows[0]?.warnings ?? 0) + patterns.length,
  };
}

type UnusualRow = KeyColumns & {
  readonly row_number: string;
  readonly value: string;
  readonly warnings: string;
};

// A factor: below and above it, most of what people type is a price per token, or lacks its point.
const unusualPrices = `
  select row_number, ${keyColumns}, value, count(*) over () as warnings
  from import_steps
  where adds and row_number is not null and (value < 0.1 or value > 10)
    and value is distinct from value_before
  order by row_number limit ${maxWarnings}`;
