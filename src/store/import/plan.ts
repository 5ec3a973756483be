import type { Knex } from "knex";
import { type Instant, toInstantText } from "../../domain/instant.js";
import type { ImportOptions } from "../../domain/price-import.js";
import type { Key } from "../../domain/price-key.js";
import {
  isSameKey,
  type KeyColumns,
  keyColumns,
  keyColumnsOf,
  toKey,
} from "../prices/price-columns.js";
import { inScope, toScopeBindings } from "./scope.js";

/** The numbers of a plan. The plan itself is in the table `import_steps`. */
export type ImportPlan = {
  /** The instant that the plan uses as now. */
  readonly now: Instant;
  /** Whether a row corrects the past. */
  readonly correctsPast: boolean;
  /** The number of changes to timelines. */
  readonly changes: number;
  readonly invalidRows: number;
  /** The rows that are invalid only because a name is not registered. */
  readonly rowsWithMissingNames: number;
};

/**
 * Compares the rows of an import with the price book, with `now` as the import's instant, and
 * writes the changes to make into `import_steps`. Compares in one statement, so that it sees one
 * version.
 */
export async function planImport(
  transaction: Knex,
  now: Instant,
  { registerMissing, missing, scope }: ImportOptions,
): Promise<ImportPlan> {
  await transaction.raw("truncate import_steps");
  // For each scheduled revision the plan asks whether a row keeps it.
  if (missing.cancelScheduled) {
    await transaction.raw(`
      create index if not exists import_rows_key
        on import_rows (${keyColumns}, effective_from)`);
  }
  await transaction.raw(planRows, {
    now: toInstantText(now),
    ...{ registerMissing, cancelScheduled: missing.cancelScheduled },
  });
  if (missing.endPrices)
    await transaction.raw(planMissing, { now: toInstantText(now), ...toScopeBindings(scope) });
  if (missing.cancelScheduled) {
    await transaction.raw(planUnstated, { now: toInstantText(now) });
    await transaction.raw(planCancelled, { now: toInstantText(now) });
  }
  const { rows } = await transaction.raw(`
    select
      count(*) filter (where adds or replaces or cancels) as changes,
      count(*) filter (where problem is not null) as invalid_rows,
      count(*) filter (where problem in ('charge_type', 'provider', 'model')) as rows_with_missing_names,
      exists (select from import_rows where corrects_past) as corrects_past
    from import_steps`);
  const [{ changes, invalid_rows, rows_with_missing_names, corrects_past }] = rows;
  return {
    ...{ now, correctsPast: corrects_past },
    changes: Number(changes),
    invalidRows: Number(invalid_rows),
    rowsWithMissingNames: Number(rows_with_missing_names),
  };
}

/**
 * Returns true when a plan made for one instant is wrong at a later one: a scheduled revision has
 * taken effect in between, or a row that was to be scheduled is in the past.
 */
export async function isOutdated(
  transaction: Knex,
  plannedFor: Instant,
  now: Instant,
): Promise<boolean> {
  const { rows } = await transaction.raw(
    `
    select exists (
      select from import_steps
      where effective_from > cast(:plannedFor as timestamptz)
        and effective_from <= cast(:now as timestamptz)
    ) or exists (
      select from llm_price_revisions revision join import_steps using (llm_price_id)
      where revision.superseded_in is null
        and revision.effective_from > cast(:plannedFor as timestamptz)
        and revision.effective_from <= cast(:now as timestamptz)
    ) as is_outdated`,
    { plannedFor: toInstantText(plannedFor), now: toInstantText(now) },
  );
  return rows[0].is_outdated;
}

/**
 * Returns the keys that the plan changes and that were changed after a version: their number, and the
 * first. Also those whose rows disagree with the past, because it is a change after the version that
 * explains it.
 */
export async function findChangedKeys(
  transaction: Knex,
  version: bigint,
  limit: number,
): Promise<{ readonly count: number; readonly keys: readonly Key[] }> {
  const { rows } = await transaction.raw(
    `
    select ${keyColumnsOf("key")}, count(*) over () as keys
    from llm_prices key
    where key.book_version > :version and exists (
      select from import_steps step
      where step.llm_price_id = key.id
        and (adds or replaces or cancels or problem = 'effective_from')
    )
    order by ${keyColumnsOf("key")}
    limit :limit`,
    { version: String(version), limit },
  );
  return { count: Number(rows[0]?.keys ?? 0), keys: rows.map(toKey) };
}

/** Returns the first invalid rows, in the order of the rows. */
export async function listRowErrors(transaction: Knex, limit: number): Promise<RowErrorRow[]> {
  return transaction("import_steps").whereNotNull("problem").orderBy("row_number").limit(limit);
}

/** An invalid row. `problem` is the invalid field, or `row` when the row as a whole is invalid. */
export type RowErrorRow = KeyColumns & {
  readonly row_number: string;
  readonly effective_from: Date;
  readonly problem: "charge_type" | "provider" | "model" | "effective_from" | "row";
  readonly hint: string;
};

// Joins each row with the key's previous and next row in time, and with the key's revisions.
const joinedRows = `
  keyed_rows as (
    select imported.*, key.id is null as is_new,
      coalesce(key.id, gen_random_uuid()) as known_id,
      coalesce(effective_from, cast(:now as timestamptz)) as begins,
      effective_from is null as begins_now
    from import_rows imported
    left join llm_prices key using (${keyColumns})
  ), ordered_rows as (
    select keyed_rows.*,
      -- All rows of a new key get the same id.
      first_value(known_id) over (
        partition by ${keyColumns} order by begins, row_number
      ) as llm_price_id,
      first_value(row_number) over same_step as first_row,
      price is not distinct from first_value(price) over same_step as is_first_price,
      lag(begins) over timeline as row_before_begins,
      lag(price) over timeline as row_before_price,
      lead(begins) over timeline as row_behind_begins,
      -- The rows replace the whole timeline from now on, and the first of them begins later.
      cast(:cancelScheduled as boolean) and cast(:now as timestamptz) < min(begins) over (
        partition by ${keyColumns}
      ) as is_ended_now
    from keyed_rows
    window timeline as (partition by ${keyColumns} order by begins, row_number),
      same_step as (partition by ${keyColumns}, begins order by row_number)
  ), joined_rows as (
    select ordered_rows.*, book.*,
      -- The price just before the row, after the import's earlier rows.
      case when row_before_begins >= coalesce(book.before_began, '-infinity')
        then row_before_price else book.price_before
      end as price_left,
      price_now is not null or coalesce(is_scheduled, false) as had_price,
      is_new and charge_type <> '*' and charge_types.name is null as lacks_charge_type,
      is_new and ordered_rows.provider <> '*' and providers.name is null as lacks_provider,
      is_new and right(model, 1) <> '*' and models.name is null as lacks_model
    from ordered_rows
    left join charge_types on is_new and charge_types.name = charge_type
    left join providers on is_new and providers.name = ordered_rows.provider
    left join models on is_new
      and models.provider = ordered_rows.provider and models.name = model
    cross join lateral (
      select
        not is_new and exists (
          select from llm_price_revisions said
          where said.llm_price_id = ordered_rows.llm_price_id
        ) as has_history,
        coalesce(bool_or(effective_from = begins and not begins_now), false) as is_exact,
        max(price) filter (where effective_from = begins) as price_exact,
        max(effective_from) filter (where is_before) as before_began,
        (array_agg(price order by effective_from desc) filter (where is_before))[1]
          as price_before,
        (array_agg(price order by effective_from desc) filter (where effective_from <= cast(:now as timestamptz)))[1]
          as price_now,
        bool_or(effective_from > cast(:now as timestamptz) and price is not null) as is_scheduled
      from (
        select effective_from, price,
          (effective_from < begins or begins_now and effective_from = begins)
            and (not is_ended_now or effective_from > cast(:now as timestamptz)) as is_before
        from llm_price_revisions
        where not is_new and llm_price_revisions.llm_price_id = ordered_rows.llm_price_id
          and superseded_in is null
          and (not cast(:cancelScheduled as boolean) or effective_from <= cast(:now as timestamptz)
            or exists (
              select from import_rows kept
              where ${isSameKey("kept", "ordered_rows")}
                and kept.effective_from = llm_price_revisions.effective_from
            ))
      ) revision
    ) book
  )`;

// Finds the problem of each row. `planRows` plans no change for a row with a problem.
const validatedRows = `
  validated_rows as (
    select joined_rows.*,
      case when is_exact then price_exact else price_before end as price_then,
      begins < cast(:now as timestamptz) as is_past,
      case
        when not is_first_price then 'row'
        when not cast(:registerMissing as boolean) and lacks_charge_type then 'charge_type'
        when not cast(:registerMissing as boolean) and lacks_provider then 'provider'
        when not cast(:registerMissing as boolean) and lacks_model then 'model'
        when begins >= cast(:now as timestamptz) then null
        when corrects_past or not has_history then null
        when price is distinct from case when is_exact then price_exact else price_before end
          then 'effective_from'
        when price is distinct from price_now
          and coalesce(row_behind_begins > cast(:now as timestamptz), true) then 'effective_from'
      end as problem
    from joined_rows
  )`;

const planRows = `
  insert into import_steps
  with ${joinedRows}, ${validatedRows}
  select row_number, ${keyColumns}, llm_price_id, is_new, had_price,
    case when begins_now then null else begins end, price, price_then, problem,
    case
      when problem = 'row' then cast(first_row as text)
      when problem = 'effective_from' and price is not distinct from price_then
        then 'now ' || coalesce(cast(trim_scale(price_now) as text), 'none')
      when problem = 'effective_from' then coalesce(cast(trim_scale(price_then) as text), 'none')
    end,
    lacks_charge_type, lacks_provider, lacks_model,
    problem is null and row_number <> first_row as duplicates,
    problem is null and row_number = first_row and is_exact and (not is_past or corrects_past)
      and price is distinct from price_exact,
    false,
    problem is null and row_number = first_row and case
      when is_exact then price is distinct from price_exact
        and (price is not null or price_left is not null)
      when begins_now or price is null or is_past and has_history
        then price is distinct from price_left
      else true
    end
  from validated_rows`;

const rowsOfKey = `
  select from import_rows imported
  where ${isSameKey("imported", "key")}`;

const planMissing = `
  insert into import_steps
  select null, ${keyColumns}, key.id, false, true, null, null, price_now, null,
    null, false, false, false, false, false, true, price_now is not null
  from llm_prices key
  cross join lateral (
    select
      (array_agg(price order by effective_from desc) filter (where effective_from <= cast(:now as timestamptz)))[1]
        as price_now,
      bool_or(effective_from > cast(:now as timestamptz) and price is not null) as is_scheduled
    from llm_price_revisions where llm_price_id = key.id and superseded_in is null
  ) book
  where (price_now is not null or is_scheduled) and ${inScope} and not exists (${rowsOfKey})`;

// Ends the current prices of keys whose rows all begin later: the rows replace the whole timeline.
const planUnstated = `
  insert into import_steps
  select null, ${keyColumns}, key.id, false, true, null, null, current.price, null,
    null, false, false, false, false, false, false, true
  from llm_prices key
  cross join lateral (
    select price from llm_price_revisions
    where llm_price_id = key.id and superseded_in is null
      and effective_from <= cast(:now as timestamptz)
    order by effective_from desc limit 1
  ) current
  where current.price is not null and exists (${rowsOfKey}) and not exists (
    ${rowsOfKey} and coalesce(imported.effective_from, '-infinity') <= cast(:now as timestamptz)
  )`;

// Takes back the scheduled revisions of keys with rows that have no row of their own.
const planCancelled = `
  insert into import_steps
  select null, ${keyColumns}, key.id, false, true, scheduled.effective_from, (
      select current.price from llm_price_revisions current
      where current.llm_price_id = key.id and current.superseded_in is null
        and current.effective_from <= cast(:now as timestamptz)
      order by current.effective_from desc limit 1
    ), scheduled.price, null, null, false, false, false, false, true, false, false
  from llm_prices key
  join llm_price_revisions scheduled on scheduled.llm_price_id = key.id
  where scheduled.superseded_in is null and scheduled.effective_from > cast(:now as timestamptz)
    and exists (${rowsOfKey}) and not exists (
      ${rowsOfKey} and imported.effective_from = scheduled.effective_from
    )`;
