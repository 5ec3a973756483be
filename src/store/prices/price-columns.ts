import { Decimal } from "../../domain/decimal.js";
import type { Key } from "../../domain/price-key.js";
import { columnsOf } from "../timelines/timeline-table.js";

/** The columns of a key. */
export type KeyColumns = {
  readonly account_id: string;
  readonly price_list: string;
  readonly charge_type: string;
  readonly provider: string;
  readonly model: string;
};

/** The columns of a key, in the order in which keys are listed. */
export const keyColumnNames = [
  "account_id",
  "price_list",
  "charge_type",
  "provider",
  "model",
] as const;

/** The same as SQL. */
export const keyColumns = keyColumnNames.join(", ");

/** The same of one of several tables. */
export function keyColumnsOf(table: string): string {
  return columnsOf(table, keyColumnNames);
}

/** SQL that is true for the rows of two tables with the same key. */
export function isSameKey(table: string, other: string): string {
  return `(${keyColumnsOf(table)}) = (${keyColumnsOf(other)})`;
}

export function toKey(row: KeyColumns): Key {
  return {
    accountId: row.account_id,
    priceList: row.price_list,
    chargeType: row.charge_type,
    provider: row.provider,
    model: row.model,
  };
}

export function toKeyColumns(key: Key): KeyColumns {
  return {
    account_id: key.accountId,
    price_list: key.priceList,
    charge_type: key.chargeType,
    provider: key.provider,
    model: key.model,
  };
}

/** Returns the values of `keyColumns` in their order. */
export function toKeyValues(key: Key): readonly string[] {
  return Object.values(toKeyColumns(key));
}

/** Parses a price column. Null: no price. */
export function toPrice(text: string | null): Decimal | null {
  return text === null ? null : new Decimal(text);
}
