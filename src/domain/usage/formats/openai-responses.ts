import { splitCacheWrites } from "../cache-writes.js";
import type { FormatReader, UsageReading } from "../format-reader.js";
import { type ModalityCounts, splitInput } from "../input-tokens.js";
import { splitOutput } from "../output-tokens.js";
import { readOpenAiTier } from "../service-tiers.js";
import { reportUnknownFields } from "../unknown-fields.js";
import type { UsagePart } from "../usage.js";
import type { UsageObject } from "../usage-object.js";
import { addSeconds, toUsagePart } from "../usage-part.js";
import type { Count } from "../usage-report.js";
import { checkModalities } from "./chat-counts.js";

/**
 * Reads `ResponseUsage`, and the usage objects of Realtime, images and transcriptions, which have
 * the same names (openai 3.57.0).
 */
export const readOpenAiResponses: FormatReader = (usage, response) => {
  if (usage.word("type") === "duration") return readDuration(usage);
  const { report } = usage;
  const [input, output] = [usage.required("input_tokens"), usage.required("output_tokens")];
  const details = detailsOf(usage, "input");
  const [audio, image] = [details.count("audio_tokens"), details.count("image_tokens")];
  const cached = details.count("cached_tokens");
  const split = details.object("cache_write_tokens_details");
  const written = splitCacheWrites(
    details.count("cache_write_tokens"),
    "CACHE_WRITE_30M",
    {
      CACHE_WRITE_30M: split.count("ttl_30m_tokens"),
      CACHE_WRITE_12H: split.count("ttl_12h_tokens"),
    },
    report,
  );
  checkModalities(input, [details.count("text_tokens"), audio, image], usage);
  const cachedModalities = readCachedModalities(details, cached);
  report.checkTotal(usage.count("total_tokens"), [input, output]);
  const tokens = { total: input, modalities: { audio, image }, cached, cachedModalities, written };
  const part = toUsagePart(
    splitInput(tokens, report),
    splitOutput({ total: output, ...readOutputParts(usage, output) }, report),
  );
  const parts = [part, ...readSvgUsage(response)];
  return { parts, serviceTier: readOpenAiTier(usage, response) };
};

/**
 * Reads `SvgUsage` (openai 3.57.0): what another model used that drew SVG. A response of images has
 * it beside its usage, and not in it.
 */
function readSvgUsage(response: UsageObject): readonly UsagePart[] {
  if (!response.has("svg_usage")) return [];
  const { report } = response;
  const usage = response.object("svg_usage");
  const [input, output] = [usage.required("input_tokens"), usage.required("output_tokens")];
  const reasoning = usage.count("reasoning_tokens");
  report.checkTotal(usage.count("total_tokens"), [input, output]);
  reportUnknownFields(usage.fields, usage.path, report);
  if (!usage.has("model")) usage.rejectMissing("model");
  const part = toUsagePart(
    { INPUT: input.value },
    splitOutput({ total: output, reasoning }, report),
  );
  return [{ ...part, model: usage.model("model") }];
}

/** Reads the modalities of cached tokens, which only Realtime states. */
function readCachedModalities(details: UsageObject, cached: Count): ModalityCounts | undefined {
  if (!details.has("cached_tokens_details")) return undefined;
  const split = details.object("cached_tokens_details");
  const [audio, image] = [split.count("audio_tokens"), split.count("image_tokens")];
  checkModalities(cached, [split.count("text_tokens"), audio, image], details);
  return { audio, image };
}

function readOutputParts(usage: UsageObject, output: Count) {
  const details = detailsOf(usage, "output");
  const [audio, image] = [details.count("audio_tokens"), details.count("image_tokens")];
  const [reasoning, text] = [details.count("reasoning_tokens"), details.count("text_tokens")];
  // Nothing says whether text includes reasoning.
  if (reasoning.value === 0n) checkModalities(output, [text, audio, image], usage);
  return { reasoning, audio, image };
}

/** Realtime and transcriptions say `input_token_details`, the others `input_tokens_details`. */
function detailsOf(usage: UsageObject, side: "input" | "output"): UsageObject {
  const name = `${side}_token_details`;
  return usage.object(usage.has(name) ? name : `${side}_tokens_details`);
}

/** Reads the usage of a transcription that is charged by the second. */
function readDuration(usage: UsageObject): UsageReading {
  if (!usage.has("seconds")) usage.rejectMissing("seconds");
  return { parts: [addSeconds(toUsagePart(), usage.seconds("seconds"))] };
}
