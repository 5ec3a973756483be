import type { UsageFormat } from "../../src/domain/usage/usage.js";

/**
 * A usage object of each format with cached tokens, reasoning and all else that it can state about
 * tokens. Each is consistent, and no two formats mean the same by the same numbers.
 */
export const usageBodies: Readonly<Record<UsageFormat, object>> = {
  OPENAI_CHAT: {
    prompt_tokens: 1_000,
    completion_tokens: 300,
    total_tokens: 1_300,
    prompt_tokens_details: { cached_tokens: 400, cache_write_tokens: 100, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 120, audio_tokens: 0 },
  },
  OPENAI_RESPONSES: {
    input_tokens: 1_000,
    input_tokens_details: {
      cached_tokens: 400,
      cache_write_tokens: 100,
      cache_write_tokens_details: { ttl_30m_tokens: 30, ttl_12h_tokens: 70 },
    },
    output_tokens: 300,
    output_tokens_details: { reasoning_tokens: 120 },
    total_tokens: 1_300,
  },
  ANTHROPIC_MESSAGES: {
    input_tokens: 500,
    cache_read_input_tokens: 400,
    cache_creation_input_tokens: 100,
    cache_creation: { ephemeral_5m_input_tokens: 30, ephemeral_1h_input_tokens: 70 },
    output_tokens: 300,
    output_tokens_details: { thinking_tokens: 120 },
    server_tool_use: { web_search_requests: 2, web_fetch_requests: 1 },
    service_tier: "standard",
  },
  GEMINI: {
    promptTokenCount: 1_000,
    promptTokensDetails: [
      { modality: "TEXT", tokenCount: 700 },
      { modality: "AUDIO", tokenCount: 300 },
    ],
    cachedContentTokenCount: 400,
    cacheTokensDetails: [{ modality: "TEXT", tokenCount: 400 }],
    candidatesTokenCount: 180,
    thoughtsTokenCount: 120,
    toolUsePromptTokenCount: 50,
    totalTokenCount: 1_350,
  },
  BEDROCK_CONVERSE: {
    inputTokens: 500,
    cacheReadInputTokens: 400,
    cacheWriteInputTokens: 100,
    cacheDetails: [
      { ttl: "1h", inputTokens: 70 },
      { ttl: "5m", inputTokens: 30 },
    ],
    outputTokens: 300,
    totalTokens: 1_300,
  },
  MISTRAL: {
    prompt_tokens: 1_000,
    completion_tokens: 300,
    total_tokens: 1_300,
    prompt_tokens_details: { cached_tokens: 400 },
    prompt_audio_seconds: 12,
  },
  COHERE: {
    billed_units: { input_tokens: 900, output_tokens: 300 },
    tokens: { input_tokens: 1_000, output_tokens: 300 },
  },
  DEEPSEEK: {
    prompt_tokens: 1_000,
    prompt_cache_hit_tokens: 400,
    prompt_cache_miss_tokens: 600,
    completion_tokens: 300,
    completion_tokens_details: { reasoning_tokens: 120 },
    total_tokens: 1_300,
  },
  XAI_CHAT: {
    prompt_tokens: 1_000,
    completion_tokens: 180,
    total_tokens: 1_300,
    prompt_tokens_details: { text_tokens: 1_000, image_tokens: 0, cached_tokens: 400 },
    completion_tokens_details: { reasoning_tokens: 120 },
    cost_in_usd_ticks: 12_345,
  },
  XAI_RESPONSES: {
    input_tokens: 1_000,
    input_tokens_details: { cached_tokens: 400 },
    output_tokens: 300,
    output_tokens_details: { reasoning_tokens: 120 },
    total_tokens: 1_300,
    server_side_tool_usage_details: { web_search_calls: 2 },
    cost_in_usd_ticks: 12_345,
  },
  GROQ: {
    prompt_tokens: 1_000,
    completion_tokens: 300,
    total_tokens: 1_300,
    prompt_tokens_details: { cached_tokens: 400 },
    completion_tokens_details: { reasoning_tokens: 120 },
    queue_time: 0.1,
    total_time: 0.5,
  },
  OPENROUTER: {
    prompt_tokens: 1_000,
    completion_tokens: 300,
    total_tokens: 1_300,
    prompt_tokens_details: { cached_tokens: 400, cache_write_tokens: 100, video_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 120 },
    cost: 0.0125,
    server_tool_use_details: { web_search_requests: 2 },
  },
  AI_SDK: {
    inputTokens: { total: 1_000, noCache: 500, cacheRead: 400, cacheWrite: 100 },
    outputTokens: { total: 300, text: 180, reasoning: 120 },
  },
};
