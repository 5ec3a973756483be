import type { FormatReader, UsageReading } from "../format-reader.js";
import { splitInput } from "../input-tokens.js";
import { splitOutput } from "../output-tokens.js";
import { readOpenAiTier } from "../service-tiers.js";
import type { UsageObject } from "../usage-object.js";
import { addSeconds, toUsagePart } from "../usage-part.js";
import { type Count, sumOf } from "../usage-report.js";
import { readChatCounts } from "./chat-counts.js";

/** Reads `UsageInfo`, `ConversationUsageInfo` and `OCRUsageInfo` (mistralai 3.7.0). */
export const readMistral: FormatReader = (usage, response) => {
  if (usage.has("pages_processed")) return readPages(usage);
  const { report } = usage;
  const seconds = usage.seconds("prompt_audio_seconds");
  const isAudioAlone = seconds !== undefined && !usage.has("prompt_tokens");
  if (isAudioAlone) return { parts: [addSeconds(toUsagePart(), seconds)] };
  const { input, output, total, inputDetails, outputDetails } = readChatCounts(usage);
  const cached = inputDetails.count("cached_tokens");
  const reasoning = outputDetails.count("reasoning_tokens");
  const parts = [input, output, readConnectorTokens(usage)];
  // The total also contains the tokens of audio, which is charged by the second.
  const hasAudioTokens = seconds?.gt(0) && total.value > sumOf(parts);
  if (!hasAudioTokens) report.checkTotal(total, parts);
  const part = toUsagePart(
    splitInput({ total: input, cached }, report),
    splitOutput({ total: output, reasoning }, report),
    { WEB_SEARCHES: usage.object("connectors").count("web_search").value },
  );
  return { parts: [addSeconds(part, seconds)], serviceTier: readOpenAiTier(usage, response) };
};

/** Reads the tokens of connectors, which are on top of the prompt. Nothing says what they cost. */
function readConnectorTokens(usage: UsageObject): Count {
  const tokens = usage.count("connector_tokens");
  const problem = `is ${tokens.value} tokens of connectors, which have no bucket; not counted`;
  if (tokens.value > 0n) usage.report.find("UNKNOWN_FIELD", tokens.path, tokens.value, problem);
  return tokens;
}

function readPages(usage: UsageObject): UsageReading {
  usage.ignore("doc_size_bytes");
  return { parts: [toUsagePart({ PAGES: usage.count("pages_processed").value })] };
}
