import type { BucketCounts } from "./usage-part.js";
import { type Count, noCount, type UsageReport } from "./usage-report.js";

/** The output tokens of a request in a format whose total contains all the others. */
export type OutputTokens = {
  readonly total: Count;
  readonly reasoning?: Count | undefined;
  readonly audio?: Count | undefined;
  readonly image?: Count | undefined;
};

/** Splits output tokens into disjoint buckets. */
export function splitOutput(output: OutputTokens, report: UsageReport): BucketCounts {
  const { total, reasoning = noCount, audio = noCount, image = noCount } = output;
  report.checkWithin([reasoning, audio, image], total);
  return {
    OUTPUT: total.value - reasoning.value - audio.value - image.value,
    REASONING: reasoning.value,
    OUTPUT_AUDIO: audio.value,
    OUTPUT_IMAGE: image.value,
  };
}
