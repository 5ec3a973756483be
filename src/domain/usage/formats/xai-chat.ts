import type { FormatReader } from "../format-reader.js";
import { splitInput } from "../input-tokens.js";
import { splitOutput } from "../output-tokens.js";
import { readOpenAiTier } from "../service-tiers.js";
import type { UsageObject } from "../usage-object.js";
import { type BucketCounts, toUsagePart } from "../usage-part.js";
import { type ChatCounts, checkModalities, readChatCounts } from "./chat-counts.js";
import { readXaiExtras } from "./xai-extras.js";

/**
 * Reads the usage of xAI's chat completions, and `SamplingUsage` of its gRPC service (xai-sdk
 * 1.21.0).
 */
export const readXaiChat: FormatReader = (usage, response) => {
  const counts = readChatCounts(usage);
  const { reportedCost, webSearches } = readXaiExtras(usage);
  reportToolsUsed(usage);
  const [input, output] = [readInput(usage, counts), readOutput(usage, counts)];
  const part = toUsagePart(input, output, { WEB_SEARCHES: webSearches });
  return { parts: [part], serviceTier: readOpenAiTier(usage, response), reportedCost };
};

function readInput(usage: UsageObject, { input, inputDetails }: ChatCounts): BucketCounts {
  const isGrpc = usage.has("prompt_text_tokens") || usage.has("cached_prompt_text_tokens");
  const [details, prefix] = isGrpc ? [usage, "prompt_"] : [inputDetails, ""];
  const cached = details.count(isGrpc ? "cached_prompt_text_tokens" : "cached_tokens");
  const image = details.count(`${prefix}image_tokens`);
  const text = details.count(`${prefix}text_tokens`);
  checkModalities(input, [text, image], usage);
  // By their name in the gRPC service, cached tokens are text.
  const cachedModalities = isGrpc ? {} : undefined;
  const tokens = { total: input, modalities: { image }, cached, cachedModalities };
  return splitInput(tokens, usage.report);
}

/**
 * Reads the output. Reasoning is on top of it, except where the total proves that it is in it, as
 * gateways report it.
 */
function readOutput(
  usage: UsageObject,
  { input, output, total, outputDetails }: ChatCounts,
): BucketCounts {
  const { report } = usage;
  const isGrpc = usage.has("reasoning_tokens");
  const reasoning = (isGrpc ? usage : outputDetails).count("reasoning_tokens");
  // Both are in the output, and are charged as output.
  outputDetails.ignore("accepted_prediction_tokens", "rejected_prediction_tokens");
  const isInOutput = total.isStated && total.value === input.value + output.value;
  if (isInOutput) return splitOutput({ total: output, reasoning }, report);
  report.checkTotal(total, [input, output, reasoning]);
  return { OUTPUT: output.value, REASONING: reasoning.value };
}

/** Reports the tools that the gRPC service lists by name: none of them has a bucket. */
function reportToolsUsed(usage: UsageObject): void {
  const name = "server_side_tools_used";
  const tools = usage.get(name);
  if (!Array.isArray(tools) || tools.length === 0) return;
  const path = usage.pathOf(name);
  usage.ignore(name);
  usage.report.find(
    "UNKNOWN_FIELD",
    path,
    BigInt(tools.length),
    `lists ${tools.length} tools, for which there is no bucket; they are not counted`,
  );
}
