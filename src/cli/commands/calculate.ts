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
import { type OutputFormat, print, toFacts } from "../output/print.js";
import { parseTime, toTimeText } from "../output/times.js";

/** The command line of `calculate`: decimals and names as they are written, the service reads them. */
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

/** Asks for one charge and prints it. @throws Failure */
export async function runCalculate(keyText: string, flags: CalculateFlags): Promise<void> {
  const answer = await withConnection(flags, ({ pricing }) =>
    pricing.calculateCharge(toRequest(keyText, flags)),
  );
  await print(flags.output === "json" ? [toJson(answer)] : toLines(answer));
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

/** A key as the service's messages have it. Only the model may hold a slash. */
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

/** The same JSON as the service's HTTP door answers, but that an `exact` of false is said. */
function toJson(answer: CalculateChargeResponse): string {
  return toJsonString(CalculateChargeResponseSchema, answer, { alwaysEmitImplicit: true });
}

function toLines(answer: CalculateChargeResponse): string[] {
  const { accountCharge, currencyCode, markup, exact, rounding, asOf, appliedPrice } = answer;
  const since = toTimeText(appliedPrice?.effectiveFrom);
  const until = toTimeText(appliedPrice?.effectiveUntil);
  return toFacts({
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
