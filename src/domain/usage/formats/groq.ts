import type { FormatReader } from "../format-reader.js";
import { splitInput } from "../input-tokens.js";
import { splitOutput } from "../output-tokens.js";
import { readOpenAiTier } from "../service-tiers.js";
import { reportUnknownFields } from "../unknown-fields.js";
import type { UsagePart } from "../usage.js";
import type { UsageObject } from "../usage-object.js";
import { toUsagePart } from "../usage-part.js";
import { type ChatCounts, readChatCounts } from "./chat-counts.js";

/** Reads `CompletionUsage`, and `UsageBreakdown` of systems of several models (groq 1.7.0). */
export const readGroq: FormatReader = (usage, response) => {
  const { report } = usage;
  const counts = readCounts(usage);
  const models = breakdownOf(response).map(readModel);
  const parts = models.map((each) => ({ ...toPart(each.usage, each.counts), model: each.model }));
  for (const field of ["input", "output"] as const) {
    const sums = models.map((each) => each.counts[field]);
    if (sums.length > 0) report.checkSum(counts[field], sums);
  }
  for (const each of models) reportUnknownFields(each.usage.fields, each.usage.path, report);
  const part = toPart(usage, counts);
  return {
    parts: parts.length > 0 ? parts : [part],
    serviceTier: readOpenAiTier(usage, response),
  };
};

/** Reads the usage of one model of several. */
function readModel(entry: UsageObject) {
  if (!entry.has("model")) entry.rejectMissing("model");
  const usage = entry.object("usage");
  return { model: entry.model("model"), usage, counts: readCounts(usage) };
}

function readCounts(usage: UsageObject): ChatCounts {
  usage.ignore("queue_time", "prompt_time", "completion_time", "total_time");
  return readChatCounts(usage);
}

function toPart(
  { report }: UsageObject,
  { input, output, total, inputDetails, outputDetails }: ChatCounts,
): UsagePart {
  const cached = inputDetails.count("cached_tokens");
  const reasoning = outputDetails.count("reasoning_tokens");
  report.checkTotal(total, [input, output]);
  return toUsagePart(
    splitInput({ total: input, cached }, report),
    splitOutput({ total: output, reasoning }, report),
  );
}

/** Streams have the breakdown beside their usage, in `x_groq`. */
function breakdownOf(response: UsageObject): readonly UsageObject[] {
  const parent = response.has("usage_breakdown") ? response : response.object("x_groq");
  return parent.object("usage_breakdown").list("models");
}
