import { text as readText } from "node:stream/consumers";
import { type MessageInitShape, toJsonString } from "@bufbuild/protobuf";
import { toRateCardText } from "../../../domain/rate-card.js";
import { UsageBucket } from "../../../gen/llmprices/v1/rate_card_pb.js";
import {
  type RateUsageRequestSchema,
  type RateUsageResponse,
  RateUsageResponseSchema,
} from "../../../gen/llmprices/v1/rate_service_pb.js";
import {
  type RatedLine,
  UsageFindingKind,
  UsageFormat,
} from "../../../gen/llmprices/v1/usage_pb.js";
import { withConnection } from "../../client/client.js";
import type { ConnectionFlags } from "../../client/client-settings.js";
import { openInputFile } from "../../files/input-file.js";
import { createTable, type OutputFormat, print, toNameValueLines } from "../../output/print.js";
import { parseTime, toTimeText } from "../../output/times.js";
import { parseModelArgument } from "../../rows/key-text.js";
import { describeConditions } from "./conditions.js";

export type RateFlags = ConnectionFlags & {
  readonly output: OutputFormat;
  /** In the words of the command line: `openai-chat`. */
  readonly format: string;
  readonly serviceTier?: string;
  readonly region?: string;
  readonly asOf?: string;
  readonly bookVersion?: bigint;
  readonly minBookVersion?: bigint;
};

/** Calls RateUsage with a file and prints the cost, line by line. @throws Failure */
export async function runRate(model: string, file: string, flags: RateFlags): Promise<void> {
  const request = toRequest(model, await readText((await openInputFile(file)).bytes), flags);
  const response = await withConnection(flags, ({ rates }) => rates.rateUsage(request));
  const toJson = () =>
    toJsonString(RateUsageResponseSchema, response, { alwaysEmitImplicit: true });
  await print(flags.output === "json" ? [toJson()] : toLines(response));
}

function toRequest(
  model: string,
  rawJson: string,
  flags: RateFlags,
): MessageInitShape<typeof RateUsageRequestSchema> {
  const { format, serviceTier = "", region = "", asOf, bookVersion, minBookVersion } = flags;
  const name = format.toUpperCase().replaceAll("-", "_") as keyof typeof UsageFormat;
  return {
    ...parseModelArgument(model),
    usage: { format: UsageFormat[name], rawJson, serviceTier, region },
    ...(asOf !== undefined && { asOf: parseTime("--as-of", asOf) }),
    ...(bookVersion !== undefined && { bookVersion }),
    ...(minBookVersion !== undefined && { minBookVersion }),
  };
}

function toLines(response: RateUsageResponse): string[] {
  const { providerCost, currencyCode, exact, tier, reportedCost, findings } = response;
  const { appliedRateCard: card, asOf } = response;
  const table = createTable(["bucket", "quantity", "rate", "per", "amount", "conditions", "model"]);
  return [
    ...table(response.lines.map(toCells)),
    ...toNameValueLines({
      provider_cost: `${providerCost} ${currencyCode}${exact ? "" : ", rounded"}`,
      reported_cost: reportedCost === "" ? undefined : `${reportedCost} USD`,
      service_tier: tier?.serviceTier,
      region: tier?.region || undefined,
      as_of: toTimeText(asOf),
      rate_card: card?.key && toRateCardText(card.key),
      source: card?.source || undefined,
      book_version: String(card?.bookVersion),
    }),
    ...findings.map(
      ({ kind, field, message }) => `finding: ${UsageFindingKind[kind]} in ${field}: ${message}`,
    ),
  ];
}

function toCells({ bucket, quantity, rate, amount, model }: RatedLine): string[] {
  const isOther = rate !== undefined && rate.bucket !== bucket;
  return [
    ...[UsageBucket[bucket], quantity, rate?.rate ?? "", String(rate?.per ?? ""), amount],
    [
      ...(isOther ? [`rated as ${UsageBucket[rate.bucket]}`] : []),
      ...(rate === undefined ? [] : describeConditions(rate)),
    ].join(", "),
    model,
  ];
}
