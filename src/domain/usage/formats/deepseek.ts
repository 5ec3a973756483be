import type { FormatReader } from "../format-reader.js";
import { splitInput } from "../input-tokens.js";
import { splitOutput } from "../output-tokens.js";
import { readOpenAiTier } from "../service-tiers.js";
import { toUsagePart } from "../usage-part.js";
import { readChatCounts } from "./chat-counts.js";

/**
 * Reads the usage of DeepSeek's chat completions, which names cache hits twice, or in older bodies
 * once.
 */
export const readDeepSeek: FormatReader = (usage, response) => {
  const { report } = usage;
  const { input, output, total, inputDetails, outputDetails } = readChatCounts(usage);
  const hit = usage.count("prompt_cache_hit_tokens");
  const miss = usage.count("prompt_cache_miss_tokens");
  const details = inputDetails.count("cached_tokens");
  const cached = hit.isStated ? hit : details;
  report.checkSum(details, [cached]);
  if (miss.isStated) report.checkSum(input, [cached, miss]);
  report.checkTotal(total, [input, output]);
  const reasoning = outputDetails.count("reasoning_tokens");
  const part = toUsagePart(
    splitInput({ total: input, cached }, report),
    splitOutput({ total: output, reasoning }, report),
  );
  return { parts: [part], serviceTier: readOpenAiTier(usage, response) };
};
