import type { Bucket } from "../../../domain/usage/buckets.js";
import { perMillion } from "../cards/rate-list.js";

/** What the name of a LiteLLM price field means. */
export type PriceField = {
  readonly bucket: Bucket;
  readonly per: number;
  readonly serviceTier: string;
  /** As the field's name says. Undefined: no condition. */
  readonly inputAbove: number | undefined;
};

/**
 * Reads the name of a LiteLLM price field, such as
 * `cache_creation_input_token_cost_above_1hr_above_200k_tokens_batches`. `hasLongCache`: cache
 * writes without a stated lifetime live for 30 minutes. Returns undefined for names without a
 * bucket.
 */
export function parsePriceField(name: string, hasLongCache: boolean): PriceField | undefined {
  const [, component = "", lifetime, thousands, tier] = grammar.exec(name) ?? [];
  const isCacheWrite = component === cacheWrite;
  if (component === "" || (lifetime !== undefined && !isCacheWrite)) return undefined;
  const bucket = isCacheWrite ? cacheWriteBucket(lifetime, hasLongCache) : components[component];
  if (bucket === undefined) return undefined;
  return {
    bucket,
    per: bucket === "REQUESTS" || bucket === "PAGES" ? 1 : perMillion,
    serviceTier: serviceTiers[tier ?? ""] ?? String(tier),
    inputAbove: thousands === undefined ? undefined : Number(thousands) * 1000,
  };
}

/** Returns whether a field's name says that it is a price, or contains prices. */
export function isPriceName(name: string): boolean {
  return name.includes("cost") || name === "tiered_pricing" || name === "off_peak_pricing";
}

const cacheWrite = "cache_creation_input_token_cost";

const components: Readonly<Record<string, Bucket>> = {
  input_cost_per_token: "INPUT",
  output_cost_per_token: "OUTPUT",
  cache_read_input_token_cost: "CACHE_READ",
  output_cost_per_reasoning_token: "REASONING",
  input_cost_per_audio_token: "INPUT_AUDIO",
  cache_read_input_audio_token_cost: "CACHE_READ_AUDIO",
  output_cost_per_audio_token: "OUTPUT_AUDIO",
  input_cost_per_image_token: "INPUT_IMAGE",
  cache_read_input_image_token_cost: "CACHE_READ_IMAGE",
  output_cost_per_image_token: "OUTPUT_IMAGE",
  input_cost_per_video_token: "INPUT_VIDEO",
  input_cost_per_request: "REQUESTS",
  ocr_cost_per_page: "PAGES",
};

const serviceTiers: Readonly<Record<string, string>> = { "": "standard", batches: "batch" };

/** "Above" is a cache's lifetime in the first place, and the size of the input in the second. */
const grammar = new RegExp(
  `^(${[cacheWrite, ...Object.keys(components)].join("|")})(?:_above_(1hr|12hr))?` +
    "(?:_above_(\\d{1,6})k_tokens)?(?:_(batches|priority|flex|balanced|ultrafast|decisions))?$",
);

function cacheWriteBucket(lifetime: string | undefined, hasLongCache: boolean): Bucket {
  if (lifetime === "1hr") return "CACHE_WRITE_1H";
  if (lifetime === "12hr") return "CACHE_WRITE_12H";
  return hasLongCache ? "CACHE_WRITE_30M" : "CACHE_WRITE_5M";
}
