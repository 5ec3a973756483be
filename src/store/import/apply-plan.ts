import type { Knex } from "knex";
import { type Instant, toInstantText } from "../../domain/instant.js";
import { retryOnRace } from "../connection/transaction.js";
import type { Author } from "../timelines/timelines.js";
import { type AnyImportTable, keyColumnsOf } from "./import-table.js";
import type { RegisteredNames } from "./result.js";

/** Registers the names that the plan needs. Returns their numbers. */
export async function registerMissingNames(
  transaction: Knex,
  { hasChargeType }: AnyImportTable,
): Promise<RegisteredNames> {
  const insert = async (sql: string) => (await transaction.raw(sql)).rowCount as number;
  const chargeTypes = !hasChargeType
    ? 0
    : await insert(`
    insert into charge_types (name)
    select distinct charge_type from import_steps where adds and lacks_charge_type
    order by charge_type
    on conflict do nothing`);
  const providers = await insert(`
    insert into providers (name)
    select distinct provider from import_steps where adds and lacks_provider
    order by provider
    on conflict do nothing`);
  const models = await insert(`
    insert into models (provider, name)
    select distinct provider, model from import_steps where adds and lacks_model
    order by provider, model
    on conflict do nothing`);
  return { chargeTypes, providers, models };
}

/** Inserts the new keys of the plan. Sorted, because random index writes are slower. */
export function insertKeys(transaction: Knex, table: AnyImportTable): Promise<void> {
  const keyColumns = keyColumnsOf(table);
  return retryOnRace(() =>
    transaction.raw(`
      insert into ${table.timelines.keys} (id, ${keyColumns})
      select distinct key_id, ${keyColumns} from import_steps
      where adds and is_new
      order by ${keyColumns}`),
  );
}

/**
 * Writes the planned changes to the timelines, with `now` for the rows without an instant. The
 * triggers of the timelines validate them again.
 */
export function applyDiff(
  transaction: Knex,
  { timelines, valueColumns }: AnyImportTable,
  now: Instant,
  { changedBy, reason }: Author,
): Promise<void> {
  const { revisions, keyId } = timelines;
  const columns = timelines.valueColumns.join(", ");
  return retryOnRace(async () => {
    await transaction.raw(
      `
      update ${revisions} revision set superseded_in = revision.book_version + 1
      from import_steps step
      where revision.${keyId} = step.key_id and revision.superseded_in is null and (
        step.replaces and revision.effective_from = step.effective_from
        or step.cancels and revision.effective_from > cast(:now as timestamptz)
      )`,
      { now: toInstantText(now) },
    );
    await transaction.raw(
      `
      insert into ${revisions} (${keyId}, effective_from, changed_by, reason, ${columns})
      select key_id, coalesce(effective_from, cast(:now as timestamptz)), :changedBy, :reason,
        ${valueColumns}
      from import_steps
      where adds
      order by key_id, coalesce(effective_from, cast(:now as timestamptz))`,
      { now: toInstantText(now), changedBy, reason },
    );
  });
}
