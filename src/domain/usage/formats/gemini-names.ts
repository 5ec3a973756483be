import type { UsageObject } from "../usage-object.js";

/** Returns the name that an object has for a field. */
export type NameFinder = (name: GeminiName) => string;

/** Finds an object's names: each is in camel case, or in snake case as Python's SDK has it. */
export function nameFinder(object: UsageObject): NameFinder {
  return hasSnakeNames(object) ? (name) => findName(object, name) : (name) => name;
}

/** Returns the name of one field of an object that has few. */
export function findName(object: UsageObject, name: GeminiName): string {
  const snake = snakeNames[name];
  if (!object.has(snake)) return name;
  if (object.has(name)) object.reject(snake, `is there, and ${name} too; allowed: one of them`);
  return snake;
}

/** The names in camel case. */
export type GeminiName = keyof typeof snakeNames;

function hasSnakeNames({ fields }: UsageObject): boolean {
  for (const name of fields.keys()) if (name.includes("_")) return true;
  return false;
}

const snakeNames = {
  promptTokenCount: "prompt_token_count",
  promptTokensDetails: "prompt_tokens_details",
  cachedContentTokenCount: "cached_content_token_count",
  cacheTokensDetails: "cache_tokens_details",
  toolUsePromptTokenCount: "tool_use_prompt_token_count",
  toolUsePromptTokensDetails: "tool_use_prompt_tokens_details",
  candidatesTokenCount: "candidates_token_count",
  candidatesTokensDetails: "candidates_tokens_details",
  responseTokenCount: "response_token_count",
  responseTokensDetails: "response_tokens_details",
  thoughtsTokenCount: "thoughts_token_count",
  totalTokenCount: "total_token_count",
  tokenCount: "token_count",
  trafficType: "traffic_type",
  serviceTier: "service_tier",
} as const;
