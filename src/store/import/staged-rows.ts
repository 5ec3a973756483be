import { createHash, type Hash } from "node:crypto";
import type { Knex } from "knex";
import { toPlainText } from "../../domain/decimal.js";
import { toInstantText } from "../../domain/instant.js";
import type { ImportRow } from "../../domain/price-import.js";
import { keyColumns } from "../prices/price-columns.js";

/** The most rows that wait to be sent. */
export const rowsAtOnce = 10_000;

/**
 * Sends the rows of an import to a temporary table, 10,000 at a time, so that memory use does not
 * depend on their number.
 */
export class ImportRows {
  readonly #transaction: Knex;
  readonly #hash: Hash = createHash("sha256");
  #columns = emptyColumns();

  private constructor(transaction: Knex) {
    this.#transaction = transaction;
  }

  /** Creates the temporary tables of an import, which the end of the transaction drops. */
  static async open(transaction: Knex): Promise<ImportRows> {
    await transaction.raw(tables);
    return new ImportRows(transaction);
  }

  /** True when the rows must be sent before more are added. */
  get isFull(): boolean {
    return this.#columns.rowNumber.length >= rowsAtOnce;
  }

  /** Adds a row. The next `send` sends it. */
  add(rowNumber: number, { key, price, effectiveFrom, correctsPast }: ImportRow): void {
    const columns = this.#columns;
    columns.rowNumber.push(rowNumber);
    columns.accountId.push(key.accountId);
    columns.priceList.push(key.priceList);
    columns.chargeType.push(key.chargeType);
    columns.provider.push(key.provider);
    columns.model.push(key.model);
    columns.price.push(price === null ? nullMarker : toPlainText(price));
    columns.effectiveFrom.push(
      effectiveFrom === undefined ? nullMarker : toInstantText(effectiveFrom),
    );
    columns.correctsPast.push(correctsPast ? "true" : "false");
  }

  async send(): Promise<void> {
    // No value contains a line feed.
    const bindings = Object.fromEntries(
      Object.entries(this.#columns).map(([name, values]) => [name, values.join("\n")]),
    );
    if (bindings.rowNumber === "") return;
    this.#columns = emptyColumns();
    for (const values of Object.values(bindings)) this.#hash.update(`${values}\n`);
    await this.#transaction.raw(insertSql, bindings);
  }

  /** Sends the remaining rows. Returns a hash of all rows. */
  async close(): Promise<Uint8Array> {
    await this.send();
    // Autovacuum does not analyze temporary tables, and the next statements need the statistics.
    await this.#transaction.raw("analyze import_rows");
    return this.#hash.digest();
  }
}

function emptyColumns() {
  return {
    rowNumber: [] as number[],
    accountId: [] as string[],
    priceList: [] as string[],
    chargeType: [] as string[],
    provider: [] as string[],
    model: [] as string[],
    price: [] as string[],
    effectiveFrom: [] as string[],
    correctsPast: [] as string[],
  };
}

const nullMarker = "-";

const tables = `
  -- For sorts and joins of a million rows. PostgreSQL's default is for many small queries.
  set local work_mem = '64MB';

  create temporary table import_rows (
    row_number bigint not null,
    account_id text collate "C" not null,
    price_list text collate "C" not null,
    charge_type text collate "C" not null,
    provider text collate "C" not null,
    model text collate "C" not null,
    -- Null: the price ends.
    price numeric,
    -- Null: now.
    effective_from timestamptz,
    corrects_past boolean not null
  ) on commit drop;

  -- The result of comparing the rows with the price book.
  create temporary table import_steps (
    -- Null: the price has no row and ends.
    row_number bigint,
    account_id text collate "C" not null,
    price_list text collate "C" not null,
    charge_type text collate "C" not null,
    provider text collate "C" not null,
    model text collate "C" not null,
    llm_price_id uuid not null,
    is_new boolean not null,
    -- Whether the key has a price, now or scheduled.
    had_price boolean not null,
    -- Null: now.
    effective_from timestamptz,
    price numeric,
    price_before numeric,
    -- The invalid field of the row, and a value for the error message.
    problem text,
    hint text,
    lacks_charge_type boolean not null,
    lacks_provider boolean not null,
    lacks_model boolean not null,
    -- Repeats an earlier row.
    duplicates boolean not null,
    -- Takes back the revision at effective_from.
    replaces boolean not null,
    -- Takes back all scheduled revisions.
    cancels boolean not null,
    -- Adds a revision.
    adds boolean not null
  ) on commit drop;`;

const insertSql = `
  insert into import_rows
  select cast(row_number as bigint),
    -- The text of a single empty value has no element.
    coalesce(account_id, ''), coalesce(price_list, ''), charge_type, provider, model,
    cast(nullif(price, '${nullMarker}') as numeric),
    cast(nullif(effective_from, '${nullMarker}') as timestamptz),
    cast(corrects_past as boolean)
  from unnest(${[
    "rowNumber",
    "accountId",
    "priceList",
    "chargeType",
    "provider",
    "model",
    "price",
    "effectiveFrom",
    "correctsPast",
  ]
    .map((column) => `string_to_array(:${column}, chr(10))`)
    .join(", ")}
  ) sent (row_number, ${keyColumns}, price, effective_from, corrects_past)`;
