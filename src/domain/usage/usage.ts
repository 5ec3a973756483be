import type { Decimal } from "../decimal.js";
import type { Bucket } from "./buckets.js";

/** How much of one bucket was used. Above 0; a whole number, except of SECONDS. */
export type Quantity = { readonly bucket: Bucket; readonly quantity: Decimal };

/**
 * A part of a usage whose input decides its own tier: most usages have one, a usage of several
 * iterations has one for each.
 */
export type UsagePart = {
  /** Another model of the same provider whose rates count. Undefined: the model of the request. */
  readonly model: string | undefined;
  /** Each bucket at most once, in the order of `buckets`. */
  readonly quantities: readonly Quantity[];
};

/** What a provider's usage object says, as disjoint buckets. */
export type NormalizedUsage = {
  readonly parts: readonly UsagePart[];
  /**
   * The service tier that the object states, in the words of rate cards. Undefined: it states none.
   */
  readonly serviceTier: string | undefined;
  /** The region that the object states. Undefined: it states none. */
  readonly region: string | undefined;
  /** The cost that the provider reports, in US dollars. */
  readonly reportedCost: Decimal | undefined;
  readonly findings: readonly UsageFinding[];
};

/** Something in a usage object that is not as its format promises. It never changes a quantity. */
export type UsageFinding = {
  readonly kind: FindingKind;
  /** The path of the field in the JSON, such as `usage.total_tokens` in a response. */
  readonly field: string;
  /**
   * SUM_MISMATCH: what is stated minus the sum. TOTAL_MISSING: the sum. UNKNOWN_FIELD: the value.
   * Otherwise: the tokens.
   */
  readonly quantity: Decimal;
  /** A sentence for people. */
  readonly message: string;
};

export type FindingKind =
  /** A sum that the format promises does not hold. */
  | "SUM_MISMATCH"
  /** The total that would prove the sum is missing. */
  | "TOTAL_MISSING"
  /**
   * A field that is not 0 and that the format does not have, that has no bucket, or that makes the
   * price another one. What it counts is not counted.
   */
  | "UNKNOWN_FIELD"
  /**
   * Tokens written to a cache whose lifetime is not stated. They are counted at the provider's
   * default.
   */
  | "CACHE_LIFETIME_UNKNOWN"
  /**
   * Tokens whose modality is not stated, although others have one, or has no bucket. They are
   * counted as text as far as the object allows it.
   */
  | "MODALITY_UNKNOWN";

/** The formats of usage objects. The caller states which: an object's shape does not show it. */
export const usageFormats = [
  "OPENAI_CHAT",
  "OPENAI_RESPONSES",
  "ANTHROPIC_MESSAGES",
  "GEMINI",
  "BEDROCK_CONVERSE",
  "MISTRAL",
  "COHERE",
  "DEEPSEEK",
  "XAI_CHAT",
  "XAI_RESPONSES",
  "GROQ",
  "OPENROUTER",
  "AI_SDK",
] as const;

export type UsageFormat = (typeof usageFormats)[number];
