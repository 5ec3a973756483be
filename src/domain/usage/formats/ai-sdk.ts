import { splitCacheWrites } from "../cache-writes.js";
import type { FormatReader } from "../format-reader.js";
import { splitInput } from "../input-tokens.js";
import { splitOutput } from "../output-tokens.js";
import type { UsageObject } from "../usage-object.js";
import { toUsagePart } from "../usage-part.js";
import { type Count, sumOf } from "../usage-report.js";

/**
 * Reads `LanguageModelV3Usage` and `LanguageModelV4Usage` (@ai-sdk/provider 4.0.38), and
 * `LanguageModelUsage` and `EmbeddingModelUsage`, which have other names (ai 7.0.173). The
 * provider's own object in `raw` says more: it is better sent in its own format.
 */
export const readAiSdk: FormatReader = (usage) => {
  const { report } = usage;
  if (usage.has("tokens")) return { parts: [toUsagePart({ INPUT: usage.count("tokens").value })] };
  usage.ignore("raw");
  const { noCache, read, write, text, reasoning, ...totals } = readCounts(usage);
  const input = completeTotal(totals.input, [noCache, read, write], usage);
  const output = completeTotal(totals.output, [text, reasoning], usage);
  // The lifetime depends on the provider. Most of those that charge writes have 5 minutes.
  const written = splitCacheWrites(write, "CACHE_WRITE_5M", {}, report);
  const part = toUsagePart(
    splitInput({ total: input, cached: read, written }, report),
    splitOutput({ total: output, reasoning }, report),
  );
  return { parts: [part] };
};

type Counts = Record<
  "input" | "noCache" | "read" | "write" | "output" | "text" | "reasoning",
  Count
>;

function readCounts(usage: UsageObject): Counts {
  if (!(usage.fields.get("inputTokens") instanceof Map)) return readFlatCounts(usage);
  const [input, output] = [usage.object("inputTokens"), usage.object("outputTokens")];
  return {
    input: input.count("total"),
    noCache: input.count("noCache"),
    read: input.count("cacheRead"),
    write: input.count("cacheWrite"),
    output: output.count("total"),
    text: output.count("text"),
    reasoning: output.count("reasoning"),
  };
}

/**
 * Reads `LanguageModelUsage`. AI SDK 5 has no details: its counts mean what each provider's counts
 * mean.
 */
function readFlatCounts(usage: UsageObject): Counts {
  if (!usage.has("inputTokenDetails")) usage.rejectMissing("inputTokenDetails");
  const input = usage.object("inputTokenDetails");
  const output = usage.object("outputTokenDetails");
  const counts = {
    input: usage.count("inputTokens"),
    noCache: input.count("noCacheTokens"),
    read: input.count("cacheReadTokens"),
    write: input.count("cacheWriteTokens"),
    output: usage.count("outputTokens"),
    text: output.count("textTokens"),
    reasoning: output.count("reasoningTokens"),
  };
  usage.report.checkSum(usage.count("totalTokens"), [counts.input, counts.output]);
  // AI SDK 6 still has both under their former names too.
  usage.report.checkSum(usage.count("cachedInputTokens"), [counts.read]);
  usage.report.checkSum(usage.count("reasoningTokens"), [counts.reasoning]);
  return counts;
}

/**
 * Returns a total, or the sum of its parts if it is missing. The first part is what the others
 * leave.
 */
function completeTotal(total: Count, parts: readonly Count[], usage: UsageObject): Count {
  const [rest] = parts;
  if (!total.isStated) {
    if (!rest?.isStated) usage.report.rejectValue(total.path, "is missing, and so are its parts");
    usage.report.checkTotal(total, parts);
    return { ...total, value: sumOf(parts) };
  }
  if (rest?.isStated) usage.report.checkSum(total, parts);
  return total;
}
