import type { Knex } from "knex";
import { type Instant, toInstantText } from "../../../domain/instant.js";
import { type KeyColumns, keyColumns, keyColumnsOf, toKey } from "../../prices/price-columns.js";
import type { TimelineRow } from "../../timelines/price-book-feed.js";

/** The timeline of a key that the plan changes, as it stands after an import at `now`. */
export type PlannedTimeline = {
  readonly row: TimelineRow;
  /** Whether the key is new: its id is not in the database. */
  readonly isAdded: boolean;
};

/** Reads the timelines that the plan in `import_steps` changes, some thousands at a time. */
export async function* readPlannedTimelines(
  transaction: Knex,
  now: Instant,
): AsyncGenerator<readonly PlannedTimeline[]> {
  await transaction.raw(`
    create index on import_steps (key_id);
    analyze import_steps;`);
  let after = firstId;
  for (;;) {
    const bindings = { after, now: toInstantText(now), limit: pageSize };
    const { rows } = await transaction.raw(plannedTimelines, bindings);
    if (rows.length === 0) return;
    yield rows.map(toPlannedTimeline);
    after = rows.at(-1).key_id;
  }
}

type PlannedRow = KeyColumns & {
  readonly key_id: string;
  readonly is_new: boolean;
  /** `start price` or `start end`, with commas between them. */
  readonly revisions: string | null;
};

function toPlannedTimeline(planned: PlannedRow): PlannedTimeline {
  const standing = (planned.revisions?.split(",") ?? []).map((text) => {
    const [from, price] = text.split(" ");
    return {
      effectiveFrom: Number(from),
      // A price is at most 10^13 units, so that rounding the float gives the exact number of units.
      priceUnits: price === "end" ? -1 : Math.round(Number(price) * 1e10),
      bookVersion: 0,
    };
  });
  const row = { key: toKey(planned), id: planned.key_id, standing, superseded: [] };
  return { row, isAdded: planned.is_new };
}

const firstId = "00000000-0000-0000-0000-000000000000";
const pageSize = 5000;

// What applyDiff makes of a timeline: the revisions that it does not take back, and those that it adds.
const plannedTimelines = `
  with page as materialized (
    select key_id, is_new, ${keyColumns} from import_steps
    where (adds or replaces or cancels) and key_id > cast(:after as uuid)
    group by key_id, is_new, ${keyColumns}
    order by key_id
    limit :limit
  )
  select key_id, is_new, ${keyColumnsOf("page")}, (
    select string_agg(
      (date_part('epoch', begins) * 1000)::bigint || ' ' || coalesce(price::text, 'end'),
      ',' order by begins
    ) from (
      select effective_from as begins, price
      from llm_price_revisions revision
      where revision.llm_price_id = page.key_id and superseded_in is null and not exists (
        select from import_steps step
        where step.key_id = page.key_id and (
          step.replaces and step.effective_from = revision.effective_from
          or step.cancels and revision.effective_from > cast(:now as timestamptz)
          -- A change that was made at this very instant, which the import comes after.
          or step.adds and coalesce(step.effective_from, cast(:now as timestamptz))
            = revision.effective_from
        )
      )
      union all
      select coalesce(effective_from, cast(:now as timestamptz)), value
      from import_steps step where step.key_id = page.key_id and adds
    ) timeline
  ) as revisions
  from page
  order by key_id`;
