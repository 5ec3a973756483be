import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Rounding, RoundingMode } from "../../gen/llmprices/v1/charge_pb.js";
import type { CalculateChargeRequestSchema } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { parseTime } from "../output/times.js";

/** The flags of commands that calculate charges. Decimals stay text: the service parses them. */
export type ChargeFlags = {
  readonly providerCost: string;
  readonly asOf?: string;
  readonly scale?: number;
  readonly mode?: keyof typeof RoundingMode;
  readonly currencyCode?: string;
  readonly minBookVersion?: bigint;
  readonly bookVersion?: bigint;
};

/** The fields that CalculateChargeRequest and AllocationTerms have. */
export type ChargeFields = Pick<
  MessageInitShape<typeof CalculateChargeRequestSchema>,
  "providerCost" | "asOf" | "rounding" | "currencyCode" | "minBookVersion" | "bookVersion"
>;

/** @throws DomainError INVALID_FIELD for a time that cannot be read. */
export function toChargeFields(flags: ChargeFlags): ChargeFields {
  const { providerCost, asOf, scale, mode, currencyCode, minBookVersion, bookVersion } = flags;
  return {
    providerCost,
    ...(asOf !== undefined && { asOf: parseTime("--as-of", asOf) }),
    ...((scale ?? mode) !== undefined && {
      rounding: {
        ...(scale !== undefined && { scale }),
        ...(mode && { mode: RoundingMode[mode] }),
      },
    }),
    ...(currencyCode !== undefined && { currencyCode }),
    ...(minBookVersion !== undefined && { minBookVersion }),
    ...(bookVersion !== undefined && { bookVersion }),
  };
}

/** Formats the rounding that was applied. Undefined: none. */
export function toRoundingText(rounding: Rounding | undefined): string | undefined {
  return rounding && `${RoundingMode[rounding.mode]}, scale ${rounding.scale}`;
}
