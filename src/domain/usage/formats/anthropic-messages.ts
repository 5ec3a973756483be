import { quote } from "../../domain-error.js";
import type { FormatReader } from "../format-reader.js";
import { readServiceTier, type TierWords } from "../service-tiers.js";
import type { UsageObject } from "../usage-object.js";
import { readIterations } from "./anthropic-iterations.js";
import { readAnthropicTokens } from "./anthropic-tokens.js";

/**
 * Reads `Usage` and `BetaUsage`, also of Bedrock's InvokeModel and of Vertex AI (anthropic 2.14.0).
 */
export const readAnthropicMessages: FormatReader = (usage, response) => {
  const tokens = readAnthropicTokens(usage);
  const thinking = usage.object("output_tokens_details").count("thinking_tokens");
  const tools = usage.object("server_tool_use");
  // Fetches are free: their tokens are in the input.
  tools.ignore("web_fetch_requests");
  const searches = { WEB_SEARCHES: tools.count("web_search_requests").value };
  const top = { tokens, thinking, searches, model: response.word("model") };
  const parts = readIterations(usage.list("iterations"), top, usage.report);
  reportFallbackCredit(usage, tokens.written.value);
  const serviceTier = readServiceTier(tierWords, [usage, "service_tier"], [usage, "speed"]);
  return { parts, serviceTier, region: readRegion(usage) };
};

/** A redeemed credit makes cache writes cheaper, and the object does not say by how much. */
function reportFallbackCredit(usage: UsageObject, written: bigint): void {
  const status = usage.object("fallback_credit").object("status");
  if (status.word("type") !== "redeemed") return;
  const problem = "is redeemed: the provider charges less than these counts at its rates";
  usage.report.find("UNKNOWN_FIELD", status.path, written, problem);
}

/** Reads where inference ran. Other places than these have rates of their own. */
function readRegion(usage: UsageObject): string | undefined {
  const name = "inference_geo";
  const word = usage.word(name)?.toLowerCase();
  if (word === undefined || word === "not_available" || word === "global") return undefined;
  if (regionPattern.test(word)) return word;
  usage.reject(name, `is ${quote(word)}; expected a region, [a-z0-9][a-z0-9._-]{0,62}`);
  return undefined;
}

const regionPattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;
/** All words are those of rate cards already. */
const tierWords: TierWords = new Map();
