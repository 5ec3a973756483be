import { distance } from "fastest-levenshtein";
import type { Knex } from "knex";
import { quote } from "../../domain/domain-error.js";
import type { ImportWarning } from "../../domain/timeline-import.js";
import { type AnyImportTable, type ImportTable, keyColumnsOf } from "./import-table.js";

/**
 * Returns warnings about the first new providers and charge types that differ from a registered one by one or two
 * letters: mostly typing errors, which `register_missing` would register.
 */
export async function findNameWarnings<K, V>(
  transaction: Knex,
  table: ImportTable<K, V>,
): Promise<readonly ImportWarning<K>[]> {
  const find = async (column: "charge_type" | "provider") => {
    const newNames = await transaction.raw(newNamesOf(table, column));
    if (newNames.rows.length === 0) return [];
    const registered = await transaction.raw(registeredNamesOf(column));
    const names: string[] = registered.rows.map(({ name }: { name: string }) => name);
    return newNames.rows.flatMap((row: NewName) => {
      const similar = nearestTo(row[column], names);
      if (similar === undefined) return [];
      const description = `${column} is ${quote(row[column])}, a new name; did you mean ${similar}?`;
      return [{ row: Number(row.row_number), key: table.timelines.toKey(row), description }];
    });
  };
  return [...(table.hasChargeType ? await find("charge_type") : []), ...(await find("provider"))];
}

type NewName = {
  readonly row_number: string;
  readonly charge_type: string;
  readonly provider: string;
};

/** Short names differ by two letters from many others. Names that differ only by a number are meant. */
function nearestTo(wanted: string, names: readonly string[]): string | undefined {
  const maxEdits = wanted.length < 6 ? 1 : 2;
  return names
    .map((name) => ({ name, edits: distance(name, wanted) }))
    .filter(({ edits }) => edits <= maxEdits)
    .filter(({ name }) => withoutDigits(name) !== withoutDigits(wanted))
    .sort((a, b) => a.edits - b.edits)[0]?.name;
}

function withoutDigits(name: string): string {
  return name.replaceAll(/\d/g, "");
}

function newNamesOf(table: AnyImportTable, column: string): string {
  return `
    select distinct on (${column}) row_number, ${keyColumnsOf(table)} from import_steps
    where adds and lacks_${column}
    order by ${column}, row_number limit 100`;
}

/** Also works when the new names have been registered already. */
function registeredNamesOf(column: string): string {
  return `
    select name from ${column}s
    where name not in (select ${column} from import_steps where adds and lacks_${column})
    order by name limit 1000`;
}
