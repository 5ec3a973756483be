import type { Knex } from "knex";
import { Decimal } from "../domain/decimal.js";
import { type Rate, type RateCard, type RateCardKey, standardTier } from "../domain/rate-card.js";
import { planCreate } from "../domain/timeline.js";
import type { Bucket } from "../domain/usage/buckets.js";
import { rateCardTimelines } from "../store/rate-cards/rate-card-timelines.js";
import { type Author, newTimeline, saveChange } from "../store/timelines/timelines.js";

/**
 * Adds rate cards of some models, in effect since `since`, to a transaction that has locked the price book.
 * Their names must be registered.
 */
export async function addExampleRateCards(
  transaction: Knex,
  now: number,
  since: number,
  author: Author,
): Promise<void> {
  for (const { key, card } of exampleRateCards) {
    const timeline = newTimeline<RateCardKey, RateCard>(key, now);
    const change = planCreate("rate card", timeline, card, since);
    await saveChange(transaction, rateCardTimelines, timeline, change, since, author);
  }
}

type Texts = Partial<Record<Bucket, string>>;
type Conditions = Partial<Omit<Rate, "bucket" | "rate">>;

/** Creates rates that have the same conditions. */
function rates(texts: Texts, conditions: Conditions = {}): readonly Rate[] {
  return Object.entries(texts).map(([bucket, text]) => ({
    ...{ bucket: bucket as Bucket, rate: new Decimal(text), per: 1_000_000 },
    ...{ serviceTier: standardTier, region: "", inputAbove: undefined, hours: [], ...conditions },
  }));
}

function card(
  provider: string,
  model: string,
  source: string,
  ...groups: readonly (readonly Rate[])[]
) {
  return { key: { provider, model }, card: { currencyCode: "USD", source, rates: groups.flat() } };
}

const openai = "https://developers.openai.com/api/docs/pricing";
const anthropic = "https://platform.claude.com/docs/en/about-claude/pricing";
const batch = { serviceTier: "batch" };
const priority = { serviceTier: "priority" };
const perThousand = { per: 1000 };
const above = (inputAbove: number, conditions: Conditions = {}) => ({ ...conditions, inputAbove });
const searches = (text: string, ...tiers: readonly Conditions[]) =>
  [{}, ...tiers].flatMap((tier) => rates({ WEB_SEARCHES: text }, { ...perThousand, ...tier }));

/** As the providers published them in November 2026. */
export const exampleRateCards = [
  card(
    ...(["openai", "gpt-4o", openai] as const),
    rates({ INPUT: "2.5", CACHE_READ: "1.25", OUTPUT: "10" }),
    rates({ INPUT: "1.25", OUTPUT: "5" }, batch),
    rates({ INPUT: "4.25", CACHE_READ: "2.125", OUTPUT: "17" }, priority),
  ),
  card(
    ...(["openai", "gpt-4o-mini", openai] as const),
    rates({ INPUT: "0.15", CACHE_READ: "0.075", OUTPUT: "0.6" }),
    rates({ INPUT: "0.075", OUTPUT: "0.3" }, batch),
    rates({ INPUT: "0.25", CACHE_READ: "0.125", OUTPUT: "1" }, priority),
    searches("25"),
  ),
  card(
    ...(["openai", "gpt-5.5", openai] as const),
    rates({ INPUT: "5", CACHE_READ: "0.5", OUTPUT: "30" }),
    rates({ INPUT: "10", CACHE_READ: "1", OUTPUT: "45" }, above(272_000)),
    rates({ INPUT: "2.5", CACHE_READ: "0.25", OUTPUT: "15" }, batch),
    rates({ INPUT: "5", CACHE_READ: "0.5", OUTPUT: "22.5" }, above(272_000, batch)),
    rates({ INPUT: "12.5", CACHE_READ: "1.25", OUTPUT: "75" }, priority),
    searches("10"),
  ),
  card(
    ...(["openai", "gpt-image-1", openai] as const),
    rates({ INPUT: "5", CACHE_READ: "1.25", INPUT_IMAGE: "10", CACHE_READ_IMAGE: "2.5" }),
    rates({ OUTPUT_IMAGE: "40" }),
  ),
  card(
    ...(["anthropic", "claude-sonnet-4-5", anthropic] as const),
    rates({ INPUT: "3", CACHE_READ: "0.3", CACHE_WRITE_5M: "3.75", CACHE_WRITE_1H: "6" }),
    rates({ OUTPUT: "15" }),
    rates({ INPUT: "1.5", CACHE_READ: "0.15", CACHE_WRITE_5M: "1.875", OUTPUT: "7.5" }, batch),
    searches("10", batch),
  ),
  card(
    ...(["anthropic", "claude-opus-4-5", anthropic] as const),
    rates({ INPUT: "5", CACHE_READ: "0.5", CACHE_WRITE_5M: "6.25", CACHE_WRITE_1H: "10" }),
    rates({ OUTPUT: "25" }),
    rates({ INPUT: "2.5", CACHE_READ: "0.25", CACHE_WRITE_5M: "3.125", OUTPUT: "12.5" }, batch),
    searches("10", batch),
  ),
  card(
    ...(["anthropic", "claude-haiku-5-5", anthropic] as const),
    rates({ INPUT: "0.1", CACHE_READ: "0.01", CACHE_WRITE_5M: "0.125", CACHE_WRITE_1H: "0.2" }),
    rates({ OUTPUT: "0.5" }),
    rates({ INPUT: "0.5", CACHE_READ: "0.05", CACHE_WRITE_5M: "0.625" }, above(100_000)),
    rates({ CACHE_WRITE_1H: "1", OUTPUT: "2.5" }, above(100_000)),
    searches("10"),
  ),
  card(
    ...(["google", "gemini-2.5-pro", "https://ai.google.dev/gemini-api/docs/pricing"] as const),
    rates({ INPUT: "1.25", CACHE_READ: "0.125", OUTPUT: "10" }),
    rates({ INPUT: "2.5", CACHE_READ: "0.25", OUTPUT: "15" }, above(200_000)),
    rates({ INPUT: "0.625", CACHE_READ: "0.125", OUTPUT: "5" }, batch),
    rates({ INPUT: "1.25", CACHE_READ: "0.25", OUTPUT: "7.5" }, above(200_000, batch)),
    searches("35", batch),
  ),
  card(
    ...(["xai", "grok-4.3", "https://api.x.ai/v1/language-models"] as const),
    rates({ INPUT: "1.25", CACHE_READ: "0.2", OUTPUT: "2.5" }),
    // The higher rates begin at 200,000 tokens, not above.
    rates({ INPUT: "2.5", CACHE_READ: "0.4", OUTPUT: "5" }, above(199_999)),
  ),
  card(
    ...([
      "mistral",
      "mistral-large-latest",
      "https://docs.mistral.ai/models/mistral-large-3-25-12",
    ] as const),
    rates({ INPUT: "0.5", CACHE_READ: "0.05", OUTPUT: "1.5" }),
  ),
  card(
    ...(["mistral", "mistral-ocr-latest", "https://mistral.ai/pricing#api-pricing"] as const),
    rates({ PAGES: "4" }, perThousand),
    rates({ PAGES: "2" }, { ...perThousand, ...batch }),
  ),
  card(
    ...(["groq", "whisper-large-v3", "https://groq.com/pricing"] as const),
    rates({ SECONDS: "0.111" }, { per: 3600 }),
  ),
];
