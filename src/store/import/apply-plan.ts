import type { Knex } from "knex";
import { type Instant, toInstantText } from "../../domain/instant.js";
import { retryOnRace } from "../connection/transaction.js";
import { keyColumns } from "../prices/price-columns.js";
import type { Author } from "../timelines/timelines.js";
import type { RegisteredNames } from "./result.js";

/** Registers the names that the plan needs. Returns their numbers. */
export async function registerMissingNames(transaction: Knex): Promise<RegisteredNames> {
  const insert = async (sql: string) => (await transaction.raw(sql)).rowCount as number;
  const chargeTypes = await insert(`
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
export function insertKeys(transaction: Knex): Promise<void> {
  return retryOnRace(() =>
    transaction.raw(`
      insert into llm_prices (id, ${keyColumns})
      select distinct llm_price_id, ${keyColumns} from import_steps
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
  now: Instant,
  { changedBy, reason }: Author,
): Promise<void> {
  return retryOnRace(async () => {
    await transaction.raw(
      `
      update llm_price_revisions revision set superseded_in = revision.book_version + 1
      from import_steps step
      where revision.llm_price_id = step.llm_price_id and revision.superseded_in is null and (
        step.replaces and revision.effective_from = step.effective_from
        or step.cancels and revision.effective_from > cast(:now as timestamptz)
      )`,
      { now: toInstantText(now) },
    );
    await transaction.raw(
      `
      insert into llm_price_revisions (llm_price_id, effective_from, price, changed_by, reason)
      select llm_price_id, coalesce(effective_from, cast(:now as timestamptz)), price,
        :changedBy, :reason
      from import_steps
      where adds
      order by llm_price_id, coalesce(effective_from, cast(:now as timestamptz))`,
      { now: toInstantText(now), changedBy, reason },
    );
  });
}
