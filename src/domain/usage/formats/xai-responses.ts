import type { FormatReader } from "../format-reader.js";
import { splitInput } from "../input-tokens.js";
import { splitOutput } from "../output-tokens.js";
import { readOpenAiTier } from "../service-tiers.js";
import { toUsagePart } from "../usage-part.js";
import { readXaiExtras } from "./xai-extras.js";

/**
 * Reads the usage of xAI's Responses. Other than in its chat completions, reasoning is in the
 * output.
 */
export const readXaiResponses: FormatReader = (usage, response) => {
  const { report } = usage;
  const [input, output] = [usage.required("input_tokens"), usage.required("output_tokens")];
  const cached = usage.object("input_tokens_details").count("cached_tokens");
  const reasoning = usage.object("output_tokens_details").count("reasoning_tokens");
  report.checkTotal(usage.count("total_tokens"), [input, output]);
  const { reportedCost, webSearches } = readXaiExtras(usage);
  const part = toUsagePart(
    splitInput({ total: input, cached }, report),
    splitOutput({ total: output, reasoning }, report),
    { WEB_SEARCHES: webSearches },
  );
  return { parts: [part], serviceTier: readOpenAiTier(usage, response), reportedCost };
};
