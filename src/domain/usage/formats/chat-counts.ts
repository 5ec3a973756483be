import type { UsageObject } from "../usage-object.js";
import type { Count } from "../usage-report.js";

/** What all formats have that are like OpenAI's chat completions. */
export type ChatCounts = {
  readonly input: Count;
  readonly output: Count;
  readonly total: Count;
  readonly inputDetails: UsageObject;
  readonly outputDetails: UsageObject;
};

/** Reads the counts. Embeddings have no `completion_tokens`: their total is that of the prompt. */
export function readChatCounts(usage: UsageObject): ChatCounts {
  const input = usage.required("prompt_tokens");
  const total = usage.count("total_tokens");
  const isEmbedding = total.isStated && total.value === input.value;
  const output = isEmbedding
    ? usage.count("completion_tokens")
    : usage.required("completion_tokens");
  return {
    input,
    output,
    total,
    inputDetails: usage.object("prompt_tokens_details"),
    outputDetails: usage.object("completion_tokens_details"),
  };
}

/** Checks that the modalities sum to their total. All 0 states nothing. */
export function checkModalities(
  total: Count,
  modalities: readonly Count[],
  usage: UsageObject,
): void {
  const [text] = modalities;
  const states = text?.isStated && modalities.some(({ value }) => value > 0n);
  if (states) usage.report.checkSum(total, modalities);
}
