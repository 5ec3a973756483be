import type { Knex } from "knex";
import { DomainError, type Metadata } from "../../domain/domain-error.js";
import { type Instant, toInstantText } from "../../domain/instant.js";
import { type RateCardKey, toRateCardText } from "../../domain/rate-card.js";
import { nearestNames } from "../prices/suggestions.js";

/** Creates the error of a model without a rate card at an instant. It names the nearest rate cards. */
export async function rateCardNotFound(
  knex: Knex,
  key: RateCardKey,
  at: Instant,
): Promise<DomainError> {
  const { rows } = await knex.raw(
    `
    select provider, model from (
      (select * from rate_cards where provider = :provider limit 1000)
      union
      (select * from rate_cards where model = :model limit 100)
    ) candidate
    where (
      select revision.currency_code from rate_card_revisions revision
      where revision.rate_card_id = candidate.id and revision.superseded_in is null
        and revision.effective_from <= :at
      order by revision.effective_from desc limit 1
    ) is not null`,
    { ...key, at: toInstantText(at) },
  );
  const wanted = toRateCardText(key);
  // The newest version may have a rate card that the version asked about does not have.
  const names = rows.map(toRateCardText).filter((name: string) => name !== wanted);
  const { metadata, hint } = nearestNames(wanted, names);
  return notInEffect(key, at, hint, metadata);
}

/** Creates the same error without a query: without the nearest rate cards. */
export function rateCardMissing(key: RateCardKey, at: Instant): DomainError {
  return notInEffect(key, at, "", {});
}

/** Creates the error of an unknown rate card id. */
export function rateCardIdNotFound(id: string): DomainError {
  return new DomainError("RATE_CARD_NOT_FOUND", `no rate card has the id ${id}`, {
    metadata: { rate_card_id: id },
  });
}

function notInEffect(key: RateCardKey, at: Instant, hint: string, metadata: Metadata): DomainError {
  const asOf = toInstantText(at);
  const message = `no rate card of ${toRateCardText(key)} is in effect at ${asOf}${hint}`;
  return new DomainError("RATE_CARD_NOT_FOUND", message, {
    metadata: { provider: key.provider, model: key.model, as_of: asOf, ...metadata },
  });
}
