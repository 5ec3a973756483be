import type { Random } from "../support/random.js";

/** A text as a caller would put it into a field of this name. */
export function textOf(name: string, random: Random): string {
  if (name === "id") return random.uuid();
  // A few, so that some are sent twice.
  if (name === "request_id") return random.oneIn(2) ? "" : random.uuid();
  return random.pick(texts[name] ?? ["", "text", "some more text"]);
}

/** The same for numbers. */
export function numberOf(name: string, random: Random): number {
  return random.pick(numbers[name] ?? [0, 1, 2, 100]);
}

const texts: Readonly<Record<string, readonly string[]>> = {
  charge_type: ["completion", "completion", "tool", "plugin", "embedding"],
  provider: ["openai", "openai", "mistral", "acme", "nobody"],
  model: ["gpt-4o", "gpt-4o-mini", "mistral-large-latest", "gpt-5"],
  model_prefix: ["", "gpt", "gpt-4o", "x"],
  name: ["acme", "embedding", "gpt-5", "openai", "tool"],
  display_name: ["Acme", "ACME Inc.", ""],
  description: ["", "what embeddings cost"],
  price: ["1.2", "0", "1000", "1.0000000001", "0.5"],
  provider_cost: ["1000.00", "-0.01", "999999999999999999.999999999999999999", "0", "33.3"],
  account_usage_ratio: ["0.25", "1", "0", "0.333333333333333333"],
  usage: ["1", "0", "2.5", "0.000000001"],
  total_usage: ["3", "7", "2.5", "999999999999999999"],
  account_id: ["a", "b", "c", "account-4711", "é"],
  currency_code: ["USD", "JPY", "KWD", "EUR", ""],
  // The tabs keep a mutation from making it the name of a model, which errors may suggest.
  reason: ["", "\tcanary-reason:\tthe new contract"],
  etag: ["", "stale"],
  page_token: ["", "bm90aGluZw"],
};

const numbers: Readonly<Record<string, readonly number[]>> = {
  // A version that will not come is waited for.
  min_book_version: [0, 1],
  book_version: [1, 2],
  base_book_version: [1, 2],
  after_book_version: [0, 1],
  scale: [0, 2, 18],
  page_size: [0, 1, 2, 1000],
  max_changes: [0, 10],
};
