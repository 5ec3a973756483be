import { type Count, sumOf, type UsageReport } from "./usage-report.js";

/** The buckets of tokens written to caches, by the lifetime of the cache. */
export type CacheWriteBucket = (typeof cacheWriteBuckets)[number];

/** Tokens written to caches. */
export type CacheWrites = {
  /** All of them. */
  readonly all: Count;
  /** The same tokens by bucket. */
  readonly buckets: Readonly<Record<CacheWriteBucket, bigint>>;
};

/** The counts of a split by lifetime. */
export type CacheWriteSplit = { readonly [bucket in CacheWriteBucket]?: Count };

/**
 * Splits written tokens by the lifetime of their cache. Tokens that the split leaves out, or all
 * without a split, have the default lifetime, and are reported. Without `split` the format has one
 * lifetime only.
 */
export function splitCacheWrites(
  total: Count,
  byDefault: CacheWriteBucket,
  split: CacheWriteSplit | undefined,
  report: UsageReport,
): CacheWrites {
  const stated = cacheWriteBuckets.map((bucket) => split?.[bucket]).filter(isStated);
  const sum = sumOf(stated);
  const left = total.value > sum ? total.value - sum : 0n;
  if (stated.length > 0) {
    report.checkSum(total, stated);
  } else if (split !== undefined && left > 0n) {
    const problem = `is ${left} tokens written to a cache of a lifetime that is not stated`;
    const counted = `counted as ${byDefault}`;
    report.find("CACHE_LIFETIME_UNKNOWN", total.path, left, `${problem}; ${counted}`);
  }
  const tokensOf = (bucket: CacheWriteBucket): bigint =>
    (split?.[bucket]?.value ?? 0n) + (bucket === byDefault ? left : 0n);
  return {
    all: { path: total.path, value: sum + left, isStated: total.isStated || stated.length > 0 },
    buckets: {
      CACHE_WRITE_5M: tokensOf("CACHE_WRITE_5M"),
      CACHE_WRITE_30M: tokensOf("CACHE_WRITE_30M"),
      CACHE_WRITE_1H: tokensOf("CACHE_WRITE_1H"),
      CACHE_WRITE_12H: tokensOf("CACHE_WRITE_12H"),
    },
  };
}

function isStated(count: Count | undefined): count is Count {
  return count?.isStated ?? false;
}

const cacheWriteBuckets = [
  "CACHE_WRITE_5M",
  "CACHE_WRITE_30M",
  "CACHE_WRITE_1H",
  "CACHE_WRITE_12H",
] as const;
