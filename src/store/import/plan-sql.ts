import { type AnyImportTable, isSameKey, keyColumnsOf, revisionsOf } from "./import-table.js";

// Joins each row with the key's previous and next row in time, and with the key's revisions.
const joinedRows = (table: AnyImportTable) => `
  keyed_rows as (
    select imported.*, key.id is null as is_new,
      coalesce(key.id, gen_random_uuid()) as known_id,
      coalesce(effective_from, cast(:now as timestamptz)) as begins,
      effective_from is null as begins_now
    from import_rows imported
    left join ${table.timelines.keys} key using (${keyColumnsOf(table)})
  ), ordered_rows as (
    select keyed_rows.*,
      -- All rows of a new key get the same id.
      first_value(known_id) over (
        partition by ${keyColumnsOf(table)} order by begins, row_number
      ) as key_id,
      first_value(row_number) over same_step as first_row,
      value is not distinct from first_value(value) over same_step as is_first_value,
      lag(begins) over timeline as row_before_begins,
      lag(value) over timeline as row_before_value,
      lead(begins) over timeline as row_behind_begins,
      -- The rows replace the whole timeline from now on, and the first of them begins later.
      cast(:cancelScheduled as boolean) and cast(:now as timestamptz) < min(begins) over (
        partition by ${keyColumnsOf(table)}
      ) as is_ended_now
    from keyed_rows
    window timeline as (partition by ${keyColumnsOf(table)} order by begins, row_number),
      same_step as (partition by ${keyColumnsOf(table)}, begins order by row_number)
  ), joined_rows as (
    select ordered_rows.*, book.*,
      -- The value just before the row, after the import's earlier rows.
      case when row_before_begins >= coalesce(book.before_began, '-infinity')
        then row_before_value else book.value_before
      end as value_left,
      value_now is not null or coalesce(is_scheduled, false) as had_value,
      -- If the past is ignored, so is the end of an unknown key.
      not cast(:registerMissing as boolean)
        and (value is not null or not cast(:ignoresPast as boolean)) as needs_names,
      ${table.hasChargeType ? "is_new and charge_type <> '*' and charge_types.name is null" : "false"} as lacks_charge_type,
      is_new and ordered_rows.provider <> '*' and providers.name is null as lacks_provider,
      is_new and right(model, 1) <> '*' and models.name is null as lacks_model
    from ordered_rows
    ${table.hasChargeType ? "left join charge_types on is_new and charge_types.name = charge_type" : ""}
    left join providers on is_new and providers.name = ordered_rows.provider
    left join models on is_new
      and models.provider = ordered_rows.provider and models.name = model
    cross join lateral (
      select
        not is_new and exists (
          select from ${revisionsOf(table)} said where said.key_id = ordered_rows.key_id
        ) as has_history,
        coalesce(bool_or(effective_from = begins and not begins_now), false) as is_exact,
        (array_agg(value) filter (where effective_from = begins))[1] as value_exact,
        max(effective_from) filter (where is_before) as before_began,
        (array_agg(value order by effective_from desc) filter (where is_before))[1]
          as value_before,
        (array_agg(value order by effective_from desc) filter (where effective_from <= cast(:now as timestamptz)))[1]
          as value_now,
        bool_or(effective_from > cast(:now as timestamptz) and value is not null) as is_scheduled
      from (
        select effective_from, value,
          (effective_from < begins or begins_now and effective_from = begins)
            and (not is_ended_now or effective_from > cast(:now as timestamptz)) as is_before
        from ${revisionsOf(table)} said
        where not is_new and said.key_id = ordered_rows.key_id
          and superseded_in is null
          and (not cast(:cancelScheduled as boolean) or effective_from <= cast(:now as timestamptz)
            or exists (
              select from import_rows kept
              where ${isSameKey(table, "kept", "ordered_rows")}
                and kept.effective_from = said.effective_from
            ))
      ) revision
    ) book
  )`;

// Finds the problem of each row. `planRows` plans no change for a row with a problem.
const validatedRows = `
  validated_rows as (
    select joined_rows.*,
      case when is_exact then value_exact else value_before end as value_then,
      begins < cast(:now as timestamptz) as is_past,
      case
        when not is_first_value then 'row'
        when needs_names and lacks_charge_type then 'charge_type'
        when needs_names and lacks_provider then 'provider'
        when needs_names and lacks_model then 'model'
        when begins >= cast(:now as timestamptz) then null
        when corrects_past or not has_history then null
        when value is distinct from case when is_exact then value_exact else value_before end
          then 'effective_from'
        when value is distinct from value_now
          and coalesce(row_behind_begins > cast(:now as timestamptz), true) then 'effective_from'
      end as problem
    from joined_rows
  )`;

/** Returns SQL that compares the rows with the price book, and writes what each of them changes. */
export const planRows = (table: AnyImportTable) => `
  insert into import_steps
  with ${joinedRows(table)}, ${validatedRows}
  select row_number, ${keyColumnsOf(table)}, key_id, is_new, had_value,
    case when begins_now then null else begins end, value, value_then, problem,
    case
      when problem = 'row' then cast(first_row as text)
      when problem = 'effective_from' and value is not distinct from value_then
        then 'now ' || coalesce(${table.describeValue("value_now")}, 'none')
      when problem = 'effective_from' then coalesce(${table.describeValue("value_then")}, 'none')
    end,
    lacks_charge_type, lacks_provider, lacks_model,
    problem is null and row_number <> first_row as duplicates,
    problem is null and row_number = first_row and is_exact and (not is_past or corrects_past)
      and value is distinct from value_exact,
    false,
    problem is null and row_number = first_row and case
      when is_exact then value is distinct from value_exact
        and (value is not null or value_left is not null)
      when begins_now or value is null or is_past and has_history
        then value is distinct from value_left
      else true
    end
  from validated_rows`;

const rowsOfKey = (table: AnyImportTable) => `
  select from import_rows imported
  where ${isSameKey(table, "imported", "key")}`;

/** Returns SQL that ends the keys of the scope that have no row. */
export const planMissing = (table: AnyImportTable) => `
  insert into import_steps
  select null, ${keyColumnsOf(table)}, key.id, false, true, null, null, value_now, null,
    null, false, false, false, false, false, true, value_now is not null
  from ${table.timelines.keys} key
  cross join lateral (
    select
      (array_agg(value order by effective_from desc) filter (where effective_from <= cast(:now as timestamptz)))[1]
        as value_now,
      bool_or(effective_from > cast(:now as timestamptz) and value is not null) as is_scheduled
    from ${revisionsOf(table)} revision where revision.key_id = key.id and superseded_in is null
  ) book
  where (value_now is not null or is_scheduled) and ${table.inScope} and not exists (${rowsOfKey(table)})`;

/**
 * Returns SQL that ends what keys say now whose rows all begin later: the rows replace the whole timeline.
 */
export const planUnstated = (table: AnyImportTable) => `
  insert into import_steps
  select null, ${keyColumnsOf(table)}, key.id, false, true, null, null, current.value, null,
    null, false, false, false, false, false, false, true
  from ${table.timelines.keys} key
  cross join lateral (
    select value from ${revisionsOf(table)} revision
    where revision.key_id = key.id and superseded_in is null
      and effective_from <= cast(:now as timestamptz)
    order by effective_from desc limit 1
  ) current
  where current.value is not null and exists (${rowsOfKey(table)}) and not exists (
    ${rowsOfKey(table)} and coalesce(imported.effective_from, '-infinity') <= cast(:now as timestamptz)
  )`;

/** Returns SQL that takes back the scheduled revisions of keys with rows that have no row of their own. */
export const planCancelled = (table: AnyImportTable) => `
  insert into import_steps
  select null, ${keyColumnsOf(table)}, key.id, false, true, scheduled.effective_from, (
      -- What the import leaves just before.
      select value from (
        select coalesce(imported.effective_from, cast(:now as timestamptz)) as begins, value, 1 as place
        from import_rows imported where ${isSameKey(table, "imported", "key")}
        union all
        select effective_from, value, 0 from ${revisionsOf(table)} current
        where current.key_id = key.id and superseded_in is null
          and effective_from <= cast(:now as timestamptz)
      ) step
      where begins < scheduled.effective_from
      order by begins desc, place desc limit 1
    ), scheduled.value, null, null, false, false, false, false, true, false, false
  from ${table.timelines.keys} key
  join ${revisionsOf(table)} scheduled on scheduled.key_id = key.id
  where scheduled.superseded_in is null and scheduled.effective_from > cast(:now as timestamptz)
    and exists (${rowsOfKey(table)}) and not exists (
      ${rowsOfKey(table)} and imported.effective_from = scheduled.effective_from
    )`;
