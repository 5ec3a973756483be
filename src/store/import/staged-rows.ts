import { createHash, type Hash } from "node:crypto";
import type { Knex } from "knex";
import { toPlainText } from "../../domain/decimal.js";
import { toInstantText } from "../../domain/instant.js";
import type { ImportRow } from "../../domain/price-import.js";

/**
 * Sends an import's rows to a table of the transaction, some thousands at a time: however many there
 * are, they are not kept here.
 */
export class ImportRows {
  readonly #transaction: Knex;
  readonly #hash: Hash = createHash("sha256");
  #columns = emptyColumns();

  private constructor(transaction: Knex) {
    this.#transaction = transaction;
  }

  /** Makes the tables of an import, which go with the transaction. */
  static async open(transaction: Knex): Promise<ImportRows> {
    await transaction.raw(tables);
    return new ImportRows(transaction);
  }

  /** Whether rows have to be sent before more are added. */
  get isFull(): boolean {
    return this.#columns.rowNumber.length >= rowsAtOnce;
  }

  /** Adds a row, which is sent with the next `send`. */
  add(rowNumber: number, { key, price, effectiveFrom }: ImportRow): void {
    const columns = this.#columns;
    columns.rowNumber.push(rowNumber);
    columns.chargeType.push(key.chargeType);
    columns.provider.push(key.provider);
    columns.model.push(key.model);
    columns.price.push(price === null ? none : toPlainText(price));
    columns.effectiveFrom.push(effectiveFrom === undefined ? none : toInstantText(effectiveFrom));
  }

  async send(): Promise<void> {
    // No value has a space in it.
    const bindings = Object.fromEntries(
      Object.entries(this.#columns).map(([name, values]) => [name, values.join(" ")]),
    );
    if (bindings.rowNumber === "") return;
    this.#columns = emptyColumns();
    for (const values of Object.values(bindings)) this.#hash.update(`${values}\n`);
    await this.#transaction.raw(insertSql, bindings);
  }

  /** Sends the rest, and answers a hash of all rows. */
  async close(): Promise<Uint8Array> {
    await this.send();
    // Nobody else does it for a temporary table, and the plans of what follows depend on it.
    await this.#transaction.raw("analyze import_rows");
    return this.#hash.digest();
  }
}

function emptyColumns() {
  return {
    rowNumber: [] as number[],
    chargeType: [] as string[],
    provider: [] as string[],
    model: [] as string[],
    price: [] as string[],
    effectiveFrom: [] as string[],
  };
}

const none = "-";
const rowsAtOnce = 10_000;

const tables = `
  -- A million rows are sorted and joined; what PostgreSQL takes by default is for many small queries.
  set local work_mem = '64MB';

  create temporary table import_rows (
    row_number bigint not null,
    charge_type text collate "C" not null,
    provider text collate "C" not null,
    model text collate "C" not null,
    -- Null: the price ends.
    price numeric,
    -- Null: now.
    effective_from timestamptz
  ) on commit drop;

  -- What the rows come to, once they are compared with the book.
  create temporary table import_steps (
    -- Null: a price that has no row, and ends.
    row_number bigint,
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
    -- What is wrong with the row, and what would be right.
    problem text,
    hint text,
    lacks_charge_type boolean not null,
    lacks_provider boolean not null,
    lacks_model boolean not null,
    -- Revisions to remove: the one that begins then, or all behind it; and whether to add one.
    replaces boolean not null,
    cancels boolean not null,
    adds boolean not null
  ) on commit drop;`;

const insertSql = `
  insert into import_rows
  select cast(row_number as bigint), charge_type, provider, model,
    cast(nullif(price, '${none}') as numeric),
    cast(nullif(effective_from, '${none}') as timestamptz)
  from unnest(
    string_to_array(:rowNumber, ' '), string_to_array(:chargeType, ' '),
    string_to_array(:provider, ' '), string_to_array(:model, ' '),
    string_to_array(:price, ' '), string_to_array(:effectiveFrom, ' ')
  ) sent (row_number, charge_type, provider, model, price, effective_from)`;
