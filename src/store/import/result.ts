import type { Knex } from "knex";
import type { Instant } from "../../domain/instant.js";
import type {
  ImportChange,
  ImportCounts,
  ImportOptions,
  ImportOutcome,
} from "../../domain/price-import.js";
import { type KeyColumns, toKey, toPrice } from "../prices/price-columns.js";

/** The numbers of names that an import registers, or would register. */
export type RegisteredNames = Pick<ImportCounts, "chargeTypes" | "providers" | "models">;

/** Returns the counts and the first changes of the plan, written or only validated. */
export async function summarizeImport(
  transaction: Knex,
  now: Instant,
  { maxChanges }: ImportOptions,
  names: RegisteredNames,
  bookVersion: bigint,
): Promise<Omit<ImportOutcome, "guardViolations">> {
  const counts = { ...(await countDiff(transaction)), ...names };
  const changes = await listChanges(transaction, now, maxChanges);
  return { counts, changes, bookVersion, effectiveFrom: now };
}

/** Counts the planned changes, each price once. */
async function countDiff(transaction: Knex): Promise<Omit<ImportCounts, keyof RegisteredNames>> {
  const { rows } = await transaction.raw(`
    select sum(rows) as rows, sum(duplicates) as duplicates,
      count(*) filter (where writes and not had_price) as created,
      count(*) filter (where writes and had_price and not ends) as updated,
      count(*) filter (where writes and had_price and ends) as ended,
      count(*) filter (where not writes) as unchanged
    from (
      select count(row_number) as rows, count(*) filter (where duplicates) as duplicates,
        bool_or(had_price) as had_price,
        bool_or(adds or replaces or cancels) as writes,
        bool_or((adds or replaces or cancels) and price is null) as ends
      from import_steps
      group by llm_price_id
    ) price`);
  const [counts] = rows;
  return {
    rows: Number(counts.rows),
    duplicates: Number(counts.duplicates),
    created: Number(counts.created),
    updated: Number(counts.updated),
    unchanged: Number(counts.unchanged),
    ended: Number(counts.ended),
  };
}

/** Counts the names that the plan needs and that are not registered. */
export async function countMissingNames(transaction: Knex): Promise<RegisteredNames> {
  const { rows } = await transaction.raw(`
    select
      (select count(distinct charge_type) from import_steps where adds and lacks_charge_type)
        as charge_types,
      (select count(distinct provider) from import_steps where adds and lacks_provider)
        as providers,
      (
        select count(*) from (
          select distinct provider, model from import_steps where adds and lacks_model
        ) model
      ) as models`);
  const [{ charge_types, providers, models }] = rows;
  return {
    chargeTypes: Number(charge_types),
    providers: Number(providers),
    models: Number(models),
  };
}

/** Returns the first changes: in the order of their rows, then those without a row, by key. */
async function listChanges(
  transaction: Knex,
  now: Instant,
  limit: number,
): Promise<ImportChange[]> {
  if (limit === 0) return [];
  const rows: DiffRow[] = await transaction("import_steps")
    .whereRaw("adds or replaces or cancels")
    .orderByRaw("row_number nulls last, charge_type, provider, model")
    .limit(limit);
  return rows.map((row) => ({
    kind: !row.had_price ? "created" : row.price === null ? "ended" : "updated",
    key: toKey(row),
    row: row.row_number === null ? undefined : Number(row.row_number),
    priceBefore: toPrice(row.price_before),
    price: toPrice(row.price),
    effectiveFrom: row.effective_from?.getTime() ?? now,
  }));
}

type DiffRow = KeyColumns & {
  readonly row_number: string | null;
  readonly had_price: boolean;
  readonly price_before: string | null;
  readonly price: string | null;
  readonly effective_from: Date | null;
};
