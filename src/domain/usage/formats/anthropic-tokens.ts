import { type CacheWriteBucket, splitCacheWrites } from "../cache-writes.js";
import type { UsageObject } from "../usage-object.js";
import type { BucketCounts } from "../usage-part.js";
import type { Count, UsageReport } from "../usage-report.js";

/**
 * The counts of a message, or of one of its iterations. The input has neither read nor written
 * tokens.
 */
export type AnthropicTokens = {
  readonly input: Count;
  readonly read: Count;
  readonly written: Count;
  readonly fiveMinutes: Count;
  readonly oneHour: Count;
  readonly output: Count;
};

export function readAnthropicTokens(object: UsageObject): AnthropicTokens {
  const lifetimes = object.object("cache_creation");
  return {
    input: object.required("input_tokens"),
    read: object.count("cache_read_input_tokens"),
    written: object.count("cache_creation_input_tokens"),
    fiveMinutes: lifetimes.count("ephemeral_5m_input_tokens"),
    oneHour: lifetimes.count("ephemeral_1h_input_tokens"),
    output: object.required("output_tokens"),
  };
}

/**
 * Converts the counts to buckets. Written tokens without a stated lifetime are reported, unless the
 * caller knows that all of them have the lifetime `known`.
 */
export function toAnthropicBuckets(
  tokens: AnthropicTokens,
  report: UsageReport,
  known?: CacheWriteBucket,
): BucketCounts {
  const { fiveMinutes, oneHour, written } = tokens;
  const isSplit = fiveMinutes.isStated || oneHour.isStated;
  const split = { CACHE_WRITE_5M: fiveMinutes, CACHE_WRITE_1H: oneHour };
  const writes =
    known !== undefined && !isSplit
      ? splitCacheWrites(written, known, undefined, report)
      : splitCacheWrites(written, "CACHE_WRITE_5M", split, report);
  return {
    INPUT: tokens.input.value,
    CACHE_READ: tokens.read.value,
    CACHE_WRITE_5M: writes.buckets.CACHE_WRITE_5M,
    CACHE_WRITE_1H: writes.buckets.CACHE_WRITE_1H,
    OUTPUT: tokens.output.value,
  };
}

/** Separates reasoning from the output that contains it. */
export function separateReasoning(
  thinking: Count,
  output: Count,
  report: UsageReport,
): BucketCounts {
  report.checkWithin([thinking], output);
  return { OUTPUT: -thinking.value, REASONING: thinking.value };
}
