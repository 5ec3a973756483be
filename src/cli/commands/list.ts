import { toJsonString } from "@bufbuild/protobuf";
import { type LLMPrice, LLMPriceSchema } from "../../gen/llmprices/v1/llm_price_pb.js";
import { withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import {
  includesAudiences,
  type PriceFilters,
  pagesOfPrices,
  type TimeOfBook,
} from "../client/list-all.js";
import { createTable, type OutputFormat, print } from "../output/print.js";
import { parseTime, toTimeText } from "../output/times.js";
import { type AudienceName, audiences } from "../rows/audiences.js";
import { toAudience } from "../rows/key-text.js";

/** The flags that select prices. */
export type FilterFlags = {
  readonly chargeType?: string;
  readonly provider?: string;
  readonly modelPrefix?: string;
  readonly account?: string;
  readonly priceList?: string;
  readonly audience?: AudienceName;
};

export type ListFlags = ConnectionFlags &
  FilterFlags & {
    readonly output: OutputFormat;
    readonly asOf?: string;
    readonly bookVersion?: bigint;
  };

/** Prints the prices in effect: a table, or one JSON object per line. @throws Failure */
export async function runList(flags: ListFlags): Promise<void> {
  await withConnection(flags, async (connection) => {
    const filters = toFilters(flags);
    const toLines =
      flags.output === "json" ? toJsonLines : createTableLines(includesAudiences(filters));
    for await (const prices of pagesOfPrices(connection, filters)) await print(toLines(prices));
  });
}

/** Converts the flags to filters of ListLLMPrices. @throws DomainError INVALID_FIELD */
export function toFilters(flags: Omit<ListFlags, "output">): PriceFilters & TimeOfBook {
  const { chargeType = "", provider = "", modelPrefix = "", asOf, bookVersion } = flags;
  const { audience } = flags;
  return {
    ...{ chargeType, provider, modelPrefix, ...toAudience(flags) },
    ...(audience !== undefined && { audience: audiences[audience] }),
    ...(asOf !== undefined && { asOf: parseTime("--as-of", asOf) }),
    ...(bookVersion !== undefined && { bookVersion }),
  };
}

function createTableLines(showsAudience: boolean) {
  const table = createTable([
    ...(showsAudience ? ["account_id", "price_list"] : []),
    ...["charge_type", "provider", "model", "price", "effective_from", "effective_until"],
  ]);
  const toCells = (price: LLMPrice) => [
    ...(showsAudience ? [price.accountId, price.priceList] : []),
    ...[price.chargeType, price.provider, price.model, price.price],
    ...[toTimeText(price.effectiveFrom) ?? "", toTimeText(price.effectiveUntil) ?? ""],
  ];
  return (prices: readonly LLMPrice[]) => table(prices.map(toCells));
}

function toJsonLines(prices: readonly LLMPrice[]): string[] {
  return prices.map((price) => toJsonString(LLMPriceSchema, price));
}
