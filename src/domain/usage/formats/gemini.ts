import type { FormatReader } from "../format-reader.js";
import { splitInput } from "../input-tokens.js";
import { splitOutput } from "../output-tokens.js";
import { readServiceTier, type TierWords } from "../service-tiers.js";
import type { UsageObject } from "../usage-object.js";
import { toUsagePart } from "../usage-part.js";
import { readModalities } from "./gemini-modalities.js";
import { type NameFinder, nameFinder } from "./gemini-names.js";

/**
 * Reads `GenerateContentResponseUsageMetadata` of Gemini and Vertex AI, and `UsageMetadata` of
 * their live API (google-genai 3.6.1). Reasoning is on top of the output, and prompts of tools are
 * further input.
 */
export const readGemini: FormatReader = (usage) => {
  const { report } = usage;
  const name = nameFinder(usage);
  const prompt = usage.required(name("promptTokenCount"));
  const thoughts = usage.count(name("thoughtsTokenCount"));
  const toolPrompt = usage.count(name("toolUsePromptTokenCount"));
  const cached = usage.count(name("cachedContentTokenCount"));
  const { output, modalities: outputModalities } = readOutput(usage, name);
  const total = usage.count(name("totalTokenCount"));
  report.checkTotal(total, [prompt, output, thoughts, toolPrompt]);
  const modalities = readModalities(usage, name("promptTokensDetails"), prompt);
  const cachedModalities = readModalities(usage, name("cacheTokensDetails"), cached);
  const toolModalities = readModalities(usage, name("toolUsePromptTokensDetails"), toolPrompt);
  const part = toUsagePart(
    splitInput({ total: prompt, modalities, cached, cachedModalities }, report),
    splitInput({ total: toolPrompt, modalities: toolModalities }, report),
    splitOutput({ total: output, ...outputModalities }, report),
    { REASONING: thoughts.value },
  );
  const tier = readServiceTier(
    tierWords,
    [usage, name("trafficType")],
    [usage, name("serviceTier")],
  );
  return { parts: [part], serviceTier: tier };
};

/** Reads the output, which the live API calls response. */
function readOutput(usage: UsageObject, name: NameFinder) {
  const isLive = usage.has(name("responseTokenCount"));
  const output = usage.count(name(isLive ? "responseTokenCount" : "candidatesTokenCount"));
  const listName = name(isLive ? "responseTokensDetails" : "candidatesTokensDetails");
  const { audio, image, video } = readModalities(usage, listName, output) ?? {};
  if (video !== undefined && video.value > 0n) {
    const problem = `is ${video.value} tokens of video, which has no bucket; counted as text`;
    usage.report.find("MODALITY_UNKNOWN", video.path, video.value, problem);
  }
  return { output, modalities: { audio, image } };
}

const tierWords: TierWords = new Map([
  ["traffic_type_unspecified", undefined],
  ["on_demand", "standard"],
  ["on_demand_priority", "priority"],
  ["on_demand_flex", "flex"],
  ["on_demand_offpeak", "offpeak"],
  ["provisioned_throughput", "provisioned"],
  // Of the field for the service tier, by Google's SDK.
  ["unspecified", "standard"],
]);
