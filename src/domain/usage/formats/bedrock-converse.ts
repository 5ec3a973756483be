import { splitCacheWrites } from "../cache-writes.js";
import type { FormatReader } from "../format-reader.js";
import { readServiceTier, type TierWords } from "../service-tiers.js";
import type { UsageObject } from "../usage-object.js";
import { toUsagePart } from "../usage-part.js";
import { type Count, sumOf } from "../usage-report.js";

/**
 * Reads `TokenUsage` of Converse and ConverseStream (botocore 1.44.8). The input has no cached
 * tokens.
 */
export const readBedrockConverse: FormatReader = (usage, response) => {
  const { report } = usage;
  const [input, output] = [usage.required("inputTokens"), usage.required("outputTokens")];
  const read = readNamedTwice(usage, "cacheReadInputTokens", "cacheReadInputTokenCount");
  const write = readNamedTwice(usage, "cacheWriteInputTokens", "cacheWriteInputTokenCount");
  const written = splitCacheWrites(write, "CACHE_WRITE_5M", readLifetimes(usage), report);
  report.checkTotal(usage.count("totalTokens"), [input, output, read, written.all]);
  const part = toUsagePart({
    INPUT: input.value,
    CACHE_READ: read.value,
    CACHE_WRITE_5M: written.buckets.CACHE_WRITE_5M,
    CACHE_WRITE_1H: written.buckets.CACHE_WRITE_1H,
    OUTPUT: output.value,
  });
  const tier = readServiceTier(
    tierWords,
    [response.object("serviceTier"), "type"],
    [response.object("performanceConfig"), "latency"],
  );
  return { parts: [part], serviceTier: tier };
};

/** Reads a count that bodies have under two names. */
function readNamedTwice(usage: UsageObject, name: string, otherName: string): Count {
  const [count, other] = [usage.count(name), usage.count(otherName)];
  if (!count.isStated) return other;
  usage.report.checkSum(other, [count]);
  return count;
}

/**
 * Reads the lifetimes of cache writes. An unknown lifetime counts as the default one, and is
 * reported.
 */
function readLifetimes(usage: UsageObject) {
  const hours: Count[] = [];
  const others: Count[] = [];
  for (const item of usage.list("cacheDetails")) {
    const [ttl, tokens] = [item.word("ttl"), item.count("inputTokens")];
    (ttl === "1h" ? hours : others).push(tokens);
    if (ttl === "1h" || ttl === "5m" || tokens.value === 0n) continue;
    const problem = `is ${tokens.value} tokens of another lifetime; counted as CACHE_WRITE_5M`;
    usage.report.find("CACHE_LIFETIME_UNKNOWN", tokens.path, tokens.value, problem);
  }
  return { CACHE_WRITE_5M: toSum(usage, others), CACHE_WRITE_1H: toSum(usage, hours) };
}

function toSum({ path }: UsageObject, counts: readonly Count[]): Count {
  return { path: `${path}.cacheDetails`, value: sumOf(counts), isStated: counts.length > 0 };
}

/** Latency-optimized inference has rates of its own: `optimized`. */
const tierWords: TierWords = new Map([["default", "standard"]]);
