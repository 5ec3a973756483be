import type { Decimal } from "../../decimal.js";
import { splitCacheWrites } from "../cache-writes.js";
import type { FormatReader } from "../format-reader.js";
import { splitInput } from "../input-tokens.js";
import { splitOutput } from "../output-tokens.js";
import { readOpenAiTier } from "../service-tiers.js";
import type { UsageObject } from "../usage-object.js";
import { toUsagePart } from "../usage-part.js";
import { readChatCounts } from "./chat-counts.js";

/** Reads `ChatUsage` (@openrouter/sdk 1.3.19). */
export const readOpenRouter: FormatReader = (usage, response) => {
  const { report } = usage;
  const { input, output, total, inputDetails, outputDetails } = readChatCounts(usage);
  report.checkTotal(total, [input, output]);
  const modalities = {
    audio: inputDetails.count("audio_tokens"),
    image: inputDetails.count("image_tokens"),
    video: inputDetails.count("video_tokens"),
  };
  const cached = inputDetails.count("cached_tokens");
  // The lifetime depends on the provider behind the router. Most of those that charge writes have 5
  // minutes.
  const writes = inputDetails.count("cache_write_tokens");
  const written = splitCacheWrites(writes, "CACHE_WRITE_5M", {}, report);
  const part = toUsagePart(
    splitInput({ total: input, modalities, cached, written }, report),
    splitOutput({ total: output, ...readOutputParts(outputDetails) }, report),
    { WEB_SEARCHES: readWebSearches(usage) },
  );
  // Files are documents, and count as text.
  inputDetails.ignore("file_tokens");
  return {
    parts: [part],
    serviceTier: readOpenAiTier(usage, response),
    reportedCost: readCost(usage),
  };
};

function readOutputParts(details: UsageObject) {
  // Both are in the output, and are charged as output.
  details.ignore("accepted_prediction_tokens", "rejected_prediction_tokens");
  return {
    reasoning: details.count("reasoning_tokens"),
    audio: details.count("audio_tokens"),
    image: details.count("image_tokens"),
  };
}

/**
 * Reads the cost in dollars. With a provider's key of the caller's own, the provider's cost is on
 * top. Undefined: the object does not state all of it.
 */
function readCost(usage: UsageObject): Decimal | undefined {
  const details = usage.object("cost_details");
  const cost = usage.decimal("cost");
  const upstream = details.decimal("upstream_inference_cost");
  const isOwnKey = usage.flag("is_byok");
  // All of them are in the costs above.
  details.ignore("upstream_inference_prompt_cost", "upstream_inference_completions_cost");
  details.ignore("server_tool_cost");
  if (!isOwnKey) return cost;
  return cost === undefined || upstream === undefined ? undefined : cost.plus(upstream);
}

/** The SDK says `server_tool_use_details`, other objects of the same API `server_tool_use`. */
function readWebSearches(usage: UsageObject): bigint {
  const name = "server_tool_use_details";
  const tools = usage.object(usage.has(name) ? name : "server_tool_use");
  // They count the searches again, and tools that have no rate.
  tools.ignore("tool_calls_requested", "tool_calls_executed");
  return tools.count("web_search_requests").value;
}
