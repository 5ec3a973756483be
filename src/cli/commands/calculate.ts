import { type MessageInitShape, toJsonString } from "@bufbuild/protobuf";
import { toKeyText } from "../../domain/price-key.js";
import {
  type CalculateChargeRequestSchema,
  type CalculateChargeResponse,
  CalculateChargeResponseSchema,
} from "../../gen/llmprices/v1/pricing_service_pb.js";
import { withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { usageError } from "../exit-codes.js";
import { type OutputFormat, print, toNameValueLines } from "../output/print.js";
import { toEffectiveText, toTimeText } from "../output/times.js";
import { type ChargeFlags, toChargeFields, toRoundingText } from "../rows/charge-flags.js";
import { type AudienceFlags, parseKeyArgument } from "../rows/key-text.js";

export type CalculateFlags = ConnectionFlags &
  ChargeFlags &
  AudienceFlags & {
    readonly output: OutputFormat;
    readonly accountUsageRatio?: string;
    readonly usage?: string;
    readonly totalUsage?: string;
  };

/** Calls CalculateCharge and prints the charge. @throws Failure */
export async function runCalculate(keyText: string, flags: CalculateFlags): Promise<void> {
  const response = await withConnection(flags, ({ pricing }) =>
    pricing.calculateCharge(toRequest(keyText, flags)),
  );
  await print(flags.output === "json" ? [toJson(response)] : toLines(response));
}

type Request = MessageInitShape<typeof CalculateChargeRequestSchema>;

function toRequest(keyText: string, flags: CalculateFlags): Request {
  return {
    ...parseKeyArgument(keyText, flags),
    usageRatio: toUsageRatio(flags),
    ...toChargeFields(flags),
  };
}

function toUsageRatio({ accountUsageRatio, usage, totalUsage }: CalculateFlags) {
  const isFraction = usage !== undefined && totalUsage !== undefined;
  if (accountUsageRatio !== undefined && (usage ?? totalUsage) === undefined) {
    return { case: "accountUsageRatio", value: accountUsageRatio } as const;
  }
  if (accountUsageRatio === undefined && isFraction) {
    return { case: "accountUsage", value: { usage, totalUsage } } as const;
  }
  throw usageError("expected --account-usage-ratio, or --usage with --total-usage");
}

/** Returns the JSON of the service's HTTP listener, plus fields with default values (`exact`). */
function toJson(response: CalculateChargeResponse): string {
  return toJsonString(CalculateChargeResponseSchema, response, { alwaysEmitImplicit: true });
}

function toLines(response: CalculateChargeResponse): string[] {
  const { accountCharge, currencyCode, markup, exact, rounding, asOf, appliedPrice } = response;
  return toNameValueLines({
    account_charge: `${accountCharge} ${currencyCode}`.trimEnd(),
    markup,
    exact: exact ? "yes" : "no, rounded",
    rounding: toRoundingText(rounding),
    as_of: toTimeText(asOf),
    price_of: appliedPrice?.key && toKeyText(appliedPrice.key),
    llm_price_id: appliedPrice?.llmPriceId,
    effective: appliedPrice && toEffectiveText(appliedPrice),
    book_version: String(appliedPrice?.bookVersion),
  });
}
