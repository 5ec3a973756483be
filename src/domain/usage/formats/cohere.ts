import type { FormatReader } from "../format-reader.js";
import type { UsageObject } from "../usage-object.js";
import { toUsagePart } from "../usage-part.js";
import type { Count } from "../usage-report.js";

/**
 * Reads `Usage` of chats, and `ApiMeta` of the other endpoints (cohere 7.3.1). `billed_units` are
 * charged, not the `tokens` that were processed. Searches, classifications and images have no
 * bucket and stay unknown.
 */
export const readCohere: FormatReader = (usage) => {
  const billed = usage.object("billed_units");
  const known = ["input_tokens", "output_tokens", "pages", ...unitsWithoutBucket];
  if (!known.some((name) => billed.has(name))) billed.rejectMissing("input_tokens");
  const [input, output] = [billed.count("input_tokens"), billed.count("output_tokens")];
  checkProcessed(usage, input, output);
  const part = toUsagePart({
    INPUT: input.value,
    OUTPUT: output.value,
    PAGES: billed.count("pages").value,
  });
  return { parts: [part] };
};

/**
 * Checks the tokens that were processed: no fewer than were billed, and no fewer than came from a
 * cache.
 */
function checkProcessed(usage: UsageObject, input: Count, output: Count): void {
  const { report } = usage;
  const tokens = usage.object("tokens");
  const processed = tokens.count("input_tokens");
  const cached = usage.count("cached_tokens");
  if (processed.isStated) report.checkWithin([cached], processed);
  // Processed tokens hit the cache, and nothing says how many of them were billed.
  const problem = `is ${cached.value}; nothing says what they cost, so only billed_units count`;
  if (cached.value > 0n) report.find("UNKNOWN_FIELD", cached.path, cached.value, problem);
  for (const [all, part] of [
    [processed, input],
    [tokens.count("output_tokens"), output],
  ] as const) {
    if (all.isStated && all.value < part.value) report.checkSum(all, [part]);
  }
}

const unitsWithoutBucket = ["search_units", "classifications", "images", "image_tokens"];
