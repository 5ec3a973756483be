import { splitCacheWrites } from "../cache-writes.js";
import type { FormatReader } from "../format-reader.js";
import { splitInput } from "../input-tokens.js";
import { splitOutput } from "../output-tokens.js";
import { readOpenAiTier } from "../service-tiers.js";
import { toUsagePart } from "../usage-part.js";
import { checkModalities, readChatCounts } from "./chat-counts.js";

/** Reads `CompletionUsage` and the usage of embeddings (openai 3.57.0). */
export const readOpenAiChat: FormatReader = (usage, response) => {
  const { report } = usage;
  const { input, output, total, inputDetails, outputDetails } = readChatCounts(usage);
  const cached = inputDetails.count("cached_tokens");
  // Chat completions write to caches of 30 minutes only: other than Responses, they take no other
  // lifetime.
  const writes = inputDetails.count("cache_write_tokens");
  const written = splitCacheWrites(writes, "CACHE_WRITE_30M", undefined, report);
  const [audio, image] = [inputDetails.count("audio_tokens"), inputDetails.count("image_tokens")];
  checkModalities(input, [inputDetails.count("text_tokens"), audio, image], usage);
  const reasoning = outputDetails.count("reasoning_tokens");
  const outputAudio = outputDetails.count("audio_tokens");
  const outputText = outputDetails.count("text_tokens");
  // Nothing says whether text includes reasoning.
  if (reasoning.value === 0n) checkModalities(output, [outputText, outputAudio], usage);
  // Both are in the output, and are charged as output.
  outputDetails.ignore("accepted_prediction_tokens", "rejected_prediction_tokens");
  report.checkTotal(total, [input, output]);
  const part = toUsagePart(
    splitInput({ total: input, modalities: { audio, image }, cached, written }, report),
    splitOutput({ total: output, reasoning, audio: outputAudio }, report),
  );
  return { parts: [part], serviceTier: readOpenAiTier(usage, response) };
};
