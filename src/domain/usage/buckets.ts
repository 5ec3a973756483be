/**
 * What a usage counts. The buckets are disjoint: a token is in exactly one, so that the sum of bucket ×
 * rate counts nothing twice.
 */
export const buckets = [
  "INPUT",
  "CACHE_READ",
  "CACHE_WRITE_5M",
  "CACHE_WRITE_30M",
  "CACHE_WRITE_1H",
  "CACHE_WRITE_12H",
  "OUTPUT",
  "REASONING",
  "INPUT_AUDIO",
  "CACHE_READ_AUDIO",
  "OUTPUT_AUDIO",
  "INPUT_IMAGE",
  "CACHE_READ_IMAGE",
  "OUTPUT_IMAGE",
  "INPUT_VIDEO",
  "REQUESTS",
  "WEB_SEARCHES",
  "PAGES",
  "SECONDS",
] as const;

export type Bucket = (typeof buckets)[number];

/** The buckets of a request's input: their sum is what a rate's `inputAbove` is compared with. */
export const inputBuckets: ReadonlySet<Bucket> = new Set<Bucket>([
  ...(["INPUT", "CACHE_READ", "INPUT_AUDIO", "CACHE_READ_AUDIO", "INPUT_IMAGE"] as const),
  ...(["CACHE_READ_IMAGE", "INPUT_VIDEO", "CACHE_WRITE_5M", "CACHE_WRITE_30M"] as const),
  ...(["CACHE_WRITE_1H", "CACHE_WRITE_12H"] as const),
]);

/** The buckets that count tokens: whole numbers, and rated by the tier of the request's input. */
export const tokenBuckets: ReadonlySet<Bucket> = new Set<Bucket>([
  ...inputBuckets,
  ...(["OUTPUT", "REASONING", "OUTPUT_AUDIO", "OUTPUT_IMAGE"] as const),
]);
