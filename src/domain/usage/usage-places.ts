import type { UsageFormat } from "./usage.js";

/**
 * Where a response or a stream's event has its usage object: the name of the object in it that also
 * states the tier and the id, empty for the response itself, and the names from there to the usage.
 */
export type UsagePlace = { readonly holder: string; readonly names: readonly string[] };

/** The places of each format, the one to be preferred first. */
export const usagePlaces: Readonly<Record<UsageFormat, readonly UsagePlace[]>> = {
  OPENAI_CHAT: [at("usage")],
  // Events of streams and of Realtime have the response in `response`.
  OPENAI_RESPONSES: [within("response", "usage"), at("usage")],
  // The first event of a stream has the message in `message`.
  ANTHROPIC_MESSAGES: [at("usage"), within("message", "usage")],
  GEMINI: [at("usageMetadata"), at("usage_metadata"), within("response", "usageMetadata")],
  // The last event of a stream is `metadata`.
  BEDROCK_CONVERSE: [at("usage"), within("metadata", "usage")],
  // OCR has `usage_info`, and SDKs have the events of a stream in `data`.
  MISTRAL: [at("usage"), at("usage_info"), at("usageInfo"), within("data", "usage")],
  // The last event of a stream has it in `delta`; all endpoints but chat have `meta`.
  COHERE: [at("usage"), within("delta", "usage"), at("meta")],
  DEEPSEEK: [at("usage")],
  XAI_CHAT: [at("usage")],
  XAI_RESPONSES: [within("response", "usage"), at("usage")],
  // The last event of a stream has it in `x_groq`.
  GROQ: [at("usage"), at("x_groq", "usage")],
  OPENROUTER: [at("usage")],
  // `usage` may be that of the last step only.
  AI_SDK: [at("totalUsage"), at("usage")],
};

function at(...names: readonly string[]): UsagePlace {
  return { holder: "", names };
}

function within(holder: string, ...names: readonly string[]): UsagePlace {
  return { holder, names };
}
