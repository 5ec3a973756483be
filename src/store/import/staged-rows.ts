import { createHash, type Hash } from "node:crypto";
import type { Knex } from "knex";
import { toInstantText } from "../../domain/instant.js";
import type { ImportRow } from "../../domain/timeline-import.js";
import { type AnyImportTable, type ImportTable, keyColumnsOf } from "./import-table.js";

/** Sends the rows of an import to a temporary table, many at a time. */
export class ImportRows<K, V> {
  readonly #transaction: Knex;
  readonly #table: ImportTable<K, V>;
  readonly #hash: Hash = createHash("sha256");
  #columns: Map<string, string[]>;

  private constructor(transaction: Knex, table: ImportTable<K, V>) {
    this.#transaction = transaction;
    this.#table = table;
    this.#columns = emptyColumns(table);
  }

  /** Creates the temporary tables of an import, which the end of the transaction drops. */
  static async open<K, V>(transaction: Knex, table: ImportTable<K, V>): Promise<ImportRows<K, V>> {
    await transaction.raw(createTables(table));
    return new ImportRows(transaction, table);
  }

  /** Adds a row. The next `send` sends it. */
  add(rowNumber: number, { key, value, effectiveFrom, correctsPast }: ImportRow<K, V>): void {
    const { timelines, toValueText } = this.#table;
    const fields = {
      row_number: String(rowNumber),
      ...timelines.toKeyColumns(key),
      value: value === null ? nullMarker : toValueText(value),
      effective_from: effectiveFrom === undefined ? nullMarker : toInstantText(effectiveFrom),
      corrects_past: String(correctsPast),
    };
    for (const [name, text] of Object.entries(fields)) this.#columns.get(name)?.push(text);
  }

  async send(): Promise<void> {
    const columns = this.#columns;
    if (columns.get("row_number")?.length === 0) return;
    this.#columns = emptyColumns(this.#table);
    // No value contains a line feed.
    const bindings = Object.fromEntries(
      [...columns].map(([name, values]) => [name, values.join("\n")]),
    );
    for (const values of Object.values(bindings)) this.#hash.update(`${values}\n`);
    await this.#transaction.raw(insertRows(this.#table), bindings);
  }

  /** Sends the remaining rows. Returns a hash of all rows. */
  async close(): Promise<Uint8Array> {
    await this.send();
    // Autovacuum does not analyze temporary tables, and the next statements need the statistics.
    await this.#transaction.raw("analyze import_rows");
    return this.#hash.digest();
  }
}

function emptyColumns({ timelines }: AnyImportTable): Map<string, string[]> {
  return new Map(
    ["row_number", ...timelines.keyColumns, "value", "effective_from", "corrects_past"].map(
      (name) => [name, []],
    ),
  );
}

const nullMarker = "-";

function createTables({ timelines, valueType }: AnyImportTable): string {
  const keys = timelines.keyColumns.map((name) => `${name} text collate "C" not null,`).join("\n");
  return `
  -- For sorts and joins of a million rows. PostgreSQL's default is for many small queries.
  set local work_mem = '64MB';

  create temporary table import_rows (
    row_number bigint not null,
    ${keys}
    -- Null: it ends.
    value ${valueType},
    -- Null: now.
    effective_from timestamptz,
    corrects_past boolean not null
  ) on commit drop;

  -- The result of comparing the rows with the price book.
  create temporary table import_steps (
    -- Null: the key has no row and ends.
    row_number bigint,
    ${keys}
    key_id uuid not null,
    is_new boolean not null,
    -- Whether the key has a value, now or scheduled.
    had_value boolean not null,
    -- Null: now.
    effective_from timestamptz,
    value ${valueType},
    value_before ${valueType},
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
}

function insertRows(table: AnyImportTable): string {
  const { keyColumns } = table.timelines;
  const columns = ["row_number", ...keyColumns, "value", "effective_from", "corrects_past"];
  return `
  insert into import_rows
  select cast(row_number as bigint),
    -- The text of a single empty value has no element.
    ${keyColumns.map((name) => `coalesce(${name}, '')`).join(", ")},
    cast(nullif(value, '${nullMarker}') as ${table.valueType}),
    cast(nullif(effective_from, '${nullMarker}') as timestamptz),
    cast(corrects_past as boolean)
  from unnest(${columns.map((name) => `string_to_array(:${name}, chr(10))`).join(", ")})
    sent (row_number, ${keyColumnsOf(table)}, value, effective_from, corrects_past)`;
}
