import type { Knex } from "knex";
import { DomainError, type Metadata } from "../../domain/domain-error.js";
import { type Instant, toInstantText } from "../../domain/instant.js";
import { type Key, type ModelKey, toKeyText } from "../../domain/price-key.js";
import { findKey } from "../timelines/timelines.js";
import { priceTimelines } from "./price-timelines.js";
import { nearestKeys } from "./suggestions.js";

/**
 * Creates the error of a lookup that found no price at an instant. The message says when the key
 * has a price, or names the nearest keys. It never contains a price, which the client did not ask
 * for.
 */
export async function priceNotFound(
  knex: Knex,
  wanted: Key | ModelKey,
  at: Instant,
): Promise<DomainError> {
  const key = { chargeType: "", ...wanted };
  const name = "chargeType" in wanted ? toKeyText(wanted) : toKeyText(key).slice(1);
  const nearest = await nearestKeys(knex, key, at);
  const history = await describeHistory(knex, key, at);
  return notInEffect(name, at, history || nearest.hint, nearest);
}

/** Creates the same error without a query: without the nearest keys and the times of the key. */
export function keyMissing(key: Key, at: Instant): DomainError {
  return notInEffect(toKeyText(key), at, "", { metadata: {}, keys: [] });
}

function notInEffect(
  name: string,
  at: Instant,
  hint: string,
  { metadata, keys }: { readonly metadata: Metadata; readonly keys: readonly Key[] },
): DomainError {
  const asOf = toInstantText(at);
  const message = `no price of ${name} is in effect at ${asOf}${hint}`;
  return new DomainError("PRICE_NOT_FOUND", message, {
    metadata: { key: name, as_of: asOf, ...metadata },
    suggestions: { nearest: keys },
  });
}

/** Creates the error of an unknown price id. */
export function idNotFound(id: string): DomainError {
  return new DomainError("PRICE_NOT_FOUND", `no price has the id ${id}`, {
    metadata: { llm_price_id: id },
  });
}

async function describeHistory(knex: Knex, key: Key, at: Instant): Promise<string> {
  const known = await findKey(knex, priceTimelines, key);
  if (known === undefined) return "";
  const { rows } = await knex.raw(
    `
    select
      (
        -- Null if the key has a price by now: it was recorded meanwhile, so nothing has ended.
        select case when price is null then effective_from end from llm_price_revisions
        where llm_price_id = :id and superseded_in is null and effective_from <= :at
        order by effective_from desc limit 1
      ) as ended,
      min(effective_from) filter (where effective_from > :at) as begins
    from llm_price_revisions where llm_price_id = :id and superseded_in is null`,
    { id: known.id, at: toInstantText(at) },
  );
  const ended = rows[0].ended && `; it ended at ${rows[0].ended.toISOString()}`;
  const begins = rows[0].begins && `; it begins at ${rows[0].begins.toISOString()}`;
  return `${ended ?? ""}${begins ?? ""}`;
}
