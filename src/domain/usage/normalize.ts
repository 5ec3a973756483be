import type { FormatReader } from "./format-reader.js";
import { readAiSdk } from "./formats/ai-sdk.js";
import { readAnthropicMessages } from "./formats/anthropic-messages.js";
import { readBedrockConverse } from "./formats/bedrock-converse.js";
import { readCohere } from "./formats/cohere.js";
import { readDeepSeek } from "./formats/deepseek.js";
import { readGemini } from "./formats/gemini.js";
import { readGroq } from "./formats/groq.js";
import { readMistral } from "./formats/mistral.js";
import { readOpenAiChat } from "./formats/openai-chat.js";
import { readOpenAiResponses } from "./formats/openai-responses.js";
import { readOpenRouter } from "./formats/openrouter.js";
import { readXaiChat } from "./formats/xai-chat.js";
import { readXaiResponses } from "./formats/xai-responses.js";
import { parseExactJson } from "./json/exact-json.js";
import { locateUsage } from "./locate-usage.js";
import { reportUnknownFields } from "./unknown-fields.js";
import type { NormalizedUsage, UsageFormat } from "./usage.js";
import { UsageObject } from "./usage-object.js";
import { UsageReport } from "./usage-report.js";

/**
 * Converts a provider's usage object to disjoint buckets. The JSON is the object, the response that
 * has it, or the list of a stream's events. Every number is read from its text, so that no float
 * changes it.
 *
 * @throws DomainError INVALID_FIELD of `usage.raw_json` with every violation: the path in the JSON,
 *   the value and what is allowed. What only breaks a promise of the format is a finding instead.
 */
export function normalizeUsage(format: UsageFormat, rawJson: string): NormalizedUsage {
  const { usage, path, response, responsePath } = locateUsage(format, parseExactJson(rawJson));
  const report = new UsageReport(format);
  const reading = readers[format](
    new UsageObject(usage, path, report),
    new UsageObject(response, responsePath, report),
  );
  reportUnknownFields(usage, path, report);
  rejectUncounted(reading, report);
  report.throwIfInvalid();
  const { parts, serviceTier, region, reportedCost } = reading;
  return { parts, serviceTier, region, reportedCost, findings: report.findings };
}

/** A usage of which nothing has a bucket would cost 0, although something was used. */
function rejectUncounted({ parts }: ReturnType<FormatReader>, report: UsageReport): void {
  if (parts.some(({ quantities }) => quantities.length > 0)) return;
  const unknown = report.findings.find(({ kind }) => kind === "UNKNOWN_FIELD");
  if (unknown === undefined) return;
  report.reject(
    unknown.field,
    "is used, and nothing else: it has no bucket, so that it has no rate",
  );
}

const readers: Readonly<Record<UsageFormat, FormatReader>> = {
  OPENAI_CHAT: readOpenAiChat,
  OPENAI_RESPONSES: readOpenAiResponses,
  ANTHROPIC_MESSAGES: readAnthropicMessages,
  GEMINI: readGemini,
  BEDROCK_CONVERSE: readBedrockConverse,
  MISTRAL: readMistral,
  COHERE: readCohere,
  DEEPSEEK: readDeepSeek,
  XAI_CHAT: readXaiChat,
  XAI_RESPONSES: readXaiResponses,
  GROQ: readGroq,
  OPENROUTER: readOpenRouter,
  AI_SDK: readAiSdk,
};
