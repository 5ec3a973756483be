import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type LLMPriceImportTermsSchema,
  MissingPrices,
} from "../../gen/llmprices/v1/llm_price_import_pb.js";
import { type AudienceName, audiences } from "./audiences.js";
import { toAudience } from "./key-text.js";

/** The flags that say what a price list changes, whether it is imported or only tried. */
export type DraftFlags = {
  readonly registerMissing?: boolean;
  readonly missing?: "keep" | "end" | "replace";
  readonly endMissing?: boolean;
  readonly chargeType?: string;
  readonly provider?: string;
  readonly modelPrefix?: string;
  readonly account?: string;
  readonly priceList?: string;
  readonly audience?: AudienceName;
  readonly maxEnd?: string;
  readonly maxChange?: string;
};

/** Returns the terms of a price list that was made from a version of the price book. */
export function toDraftTerms(
  flags: DraftFlags,
  baseBookVersion: bigint | undefined,
): MessageInitShape<typeof LLMPriceImportTermsSchema> {
  const { registerMissing = false, chargeType = "", provider = "", modelPrefix = "" } = flags;
  return {
    registerMissing,
    missingPrices: missingPrices[flags.missing ?? (flags.endMissing ? "end" : "keep")],
    scope: {
      ...{ chargeType, provider, modelPrefix, ...toAudience(flags) },
      ...(flags.audience && { audience: audiences[flags.audience] }),
    },
    maxEndPercent: flags.maxEnd ?? defaultMaxEnd,
    maxChangePercent: flags.maxChange ?? "",
    ...(baseBookVersion !== undefined && { baseBookVersion }),
  };
}

const missingPrices = {
  keep: MissingPrices.KEEP,
  end: MissingPrices.END,
  replace: MissingPrices.REPLACE,
} as const;

/** A list that is cut off ends more. The service ignores it unless prices without a row end. */
const defaultMaxEnd = "10";
