import { type MessageInitShape, toJsonString } from "@bufbuild/protobuf";
import { RoundingMode } from "../../gen/llmprices/v1/charge_pb.js";
import {
  type CalculateChargeRequestSchema,
  type CalculateChargeResponse,
  CalculateChargeResponseSchema,
} from "../../gen/llmprices/v1/pricing_service_pb.js";
import { withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { usageError } from "../exit-codes.js";
import { type OutputFormat, print, toNameValueLines } from "../output/print.js";
import { parseTime, toTimeText } from "../output/times.js";

/** The flags of `calculate`. Decimals stay text: the service parses them. */
export type CalculateFlags = ConnectionFlags & {
  readonly output: OutputFormat;
  readonly providerCost: string;
  readonly accountUsageRatio?: string;
  readonly usage?: string;
  readonly totalUsage?: string;
  readonly asOf?: string;
  readonly scale?: number;
  readonly mode?: keyof typeof RoundingMode;
  readonly currencyCode?: string;
  readonly minBookVersion?: bigint;
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
  const { providerCost, asOf, scale, mode, currencyCode, minBookVersion } = flags;
  return {
    ...parseKey(keyText),
    providerCost,
    usageRatio: toUsageRatio(flags),
    ...(asOf !== undefined && { asOf: parseTime("--as-of", asOf) }),
    ...((scale ?? mode) !== undefined && {
      rounding: {
        ...(scale !== undefined && { scale }),
        ...(mode && { mode: RoundingMode[mode] }),
      },
    }),
    ...(currencyCode !== undefined && { currencyCode }),
    ...(minBookVersion !== undefined && { minBookVersion }),
  };
}

/** Parses `charge_type/provider/model`. Only the model may contain a slash. @throws Failure */
function parseKey(text: string) {
  const [, chargeType, provider, model] = /^([^/]+)\/([^/]+)\/(.+)$/.exec(text) ?? [];
  if (chargeType !== undefined && provider !== undefined && model !== undefined) {
    return { chargeType, provider, model };
  }
  throw usageError(`KEY is ${JSON.stringify(text)}; expected charge_type/provider/model`);
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
  const since = toTimeText(appliedPrice?.effectiveFrom);
  const until = toTimeText(appliedPrice?.effectiveUntil);
  return toNameValueLines({
    account_charge: `${accountCharge} ${currencyCode}`.trimEnd(),
    markup,
    exact: exact ? "yes" : "no, rounded",
    rounding: rounding && `${RoundingMode[rounding.mode]}, scale ${rounding.scale}`,
    as_of: toTimeText(asOf),
    llm_price_id: appliedPrice?.llmPriceId,
    effective: until === undefined ? `from ${since}` : `from ${since} until ${until}`,
    book_version: String(appliedPrice?.bookVersion),
  });
}
