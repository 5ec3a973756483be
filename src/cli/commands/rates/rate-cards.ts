import { toJsonString } from "@bufbuild/protobuf";
import {
  type Rate,
  type RateCard,
  RateCardSchema,
  UsageBucket,
} from "../../../gen/llmprices/v1/rate_card_pb.js";
import { withConnection } from "../../client/client.js";
import type { ConnectionFlags } from "../../client/client-settings.js";
import { createTable, type OutputFormat, print } from "../../output/print.js";
import { parseTime, toTimeText } from "../../output/times.js";
import { describeConditions } from "./conditions.js";

export type RateCardsFlags = ConnectionFlags & {
  readonly output: OutputFormat;
  readonly provider?: string;
  readonly modelPrefix?: string;
  readonly asOf?: string;
  readonly bookVersion?: bigint;
};

/** Prints the rates in effect: a table with a line for each, or one JSON object per card. @throws Failure */
export async function runRateCards(flags: RateCardsFlags): Promise<void> {
  const { provider = "", modelPrefix = "", asOf, bookVersion } = flags;
  const table = createTable([
    ...["provider", "model", "bucket", "rate", "per", "currency", "conditions", "effective_from"],
  ]);
  await withConnection(flags, async ({ rates }) => {
    const filter = {
      ...{ provider, modelPrefix, pageSize: 1000 },
      ...(asOf !== undefined && { asOf: parseTime("--as-of", asOf) }),
      ...(bookVersion !== undefined && { bookVersion }),
    };
    let pageToken = "";
    do {
      const page = await rates.listRateCards({ ...filter, pageToken });
      await print(
        flags.output === "json"
          ? page.rateCards.map((card) => toJsonString(RateCardSchema, card))
          : table(page.rateCards.flatMap(toRows)),
      );
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
  });
}

function toRows(card: RateCard): string[][] {
  return card.rates.map((rate: Rate) => [
    ...[card.provider, card.model, UsageBucket[rate.bucket], rate.rate, String(rate.per)],
    ...[card.currencyCode, describeConditions(rate).join(", ")],
    toTimeText(card.effectiveFrom) ?? "",
  ]);
}
