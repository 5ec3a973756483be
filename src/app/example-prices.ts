import type { Knex } from "knex";
import { Decimal } from "../domain/decimal.js";
import { everyone, type Key, wildcard } from "../domain/price-key.js";
import { isModelPattern } from "../domain/selector.js";
import { planCreate } from "../domain/timeline.js";
import { priceTimelines } from "../store/prices/price-timelines.js";
import { beginPriceBookChange, newTimeline, saveChange } from "../store/timelines/timelines.js";
import { addExampleRateCards, exampleRateCards } from "./example-rate-cards.js";

/**
 * Adds a few prices and rate cards, in effect since the beginning of 2026, to a price book without keys, so that a
 * first call finds a price. Returns true if it has added them.
 */
export async function addExamplePrices(knex: Knex): Promise<boolean> {
  if ((await knex("llm_prices").first("id")) !== undefined) return false;
  const author = { changedBy: "example", reason: "the example price book" };
  await knex.transaction(async (transaction) => {
    const book = await beginPriceBookChange(transaction);
    for (const { price, ...parts } of examples) {
      const key = { ...everyone, chargeType: wildcard, ...parts };
      await registerNames(transaction, key);
      const timeline = newTimeline<Key, Decimal>(key, book.now);
      const change = planCreate("price", timeline, new Decimal(price), since);
      await saveChange(transaction, priceTimelines, timeline, change, since, author);
    }
    for (const { key } of exampleRateCards) await registerNames(transaction, key);
    await addExampleRateCards(transaction, book.now, since, author);
  });
  return true;
}

const since = Date.parse("2026-01-01T00:00:00Z");

type Example = Partial<Key> & Pick<Key, "provider" | "model"> & { readonly price: string };

const examples: readonly Example[] = [
  { chargeType: "completion", provider: "openai", model: "gpt-4o", price: "1.2" },
  { chargeType: "completion", provider: "openai", model: "gpt-4o-mini", price: "1.15" },
  { chargeType: "tool", provider: "openai", model: "gpt-4o", price: "1.1" },
  { chargeType: "completion", provider: "anthropic", model: "claude-sonnet-4-5", price: "1.25125" },
  { chargeType: "plugin", provider: "anthropic", model: "claude-sonnet-4-5", price: "1" },
  { chargeType: "completion", provider: "mistral", model: "mistral-large-latest", price: "1.3" },
  // Every other model of a provider, for all charge types.
  { provider: "openai", model: "*", price: "1.25" },
  { provider: "openai", model: "gpt-5*", price: "1.2" },
  { priceList: "gold", provider: "openai", model: "*", price: "1.1" },
  { accountId: "acme", provider: "openai", model: "gpt-4o", price: "1.05" },
];

async function registerNames(
  transaction: Knex,
  { provider, model }: Pick<Key, "provider" | "model">,
): Promise<void> {
  await transaction("providers").insert({ name: provider }).onConflict().ignore();
  if (isModelPattern(model)) return;
  await transaction("models").insert({ provider, name: model }).onConflict().ignore();
}
