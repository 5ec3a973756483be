import { toJsonString } from "@bufbuild/protobuf";
import { type LLMPrice, LLMPriceSchema } from "../../gen/llmprices/v1/llm_price_pb.js";
import { withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { type PriceFilters, pagesOfPrices, type TimeOfBook } from "../client/list-all.js";
import { createTable, type OutputFormat, print } from "../output/print.js";
import { parseTime, toTimeText } from "../output/times.js";

/** The flags that select prices. */
export type FilterFlags = {
  readonly chargeType?: string;
  readonly provider?: string;
  readonly modelPrefix?: string;
};

export type ListFlags = ConnectionFlags &
  FilterFlags & {
    readonly output: OutputFormat;
    readonly asOf?: string;
    readonly bookVersion?: bigint;
  };

/** Prints the prices in effect: a table, or one JSON object per line. @throws Failure */
export async function runList(flags: ListFlags): Promise<void> {
  const toLines = flags.output === "json" ? toJsonLines : toTableLines(createTable(columns));
  await withConnection(flags, async (connection) => {
    for await (const prices of pagesOfPrices(connection, toFilters(flags))) {
      await print(toLines(prices));
    }
  });
}

/** Converts the flags to filters of ListLLMPrices. @throws DomainError INVALID_FIELD */
export function toFilters(flags: Omit<ListFlags, "output">): PriceFilters & TimeOfBook {
  const { chargeType = "", provider = "", modelPrefix = "", asOf, bookVersion } = flags;
  return {
    ...{ chargeType, provider, modelPrefix },
    ...(asOf !== undefined && { asOf: parseTime("--as-of", asOf) }),
    ...(bookVersion !== undefined && { bookVersion }),
  };
}

const columns = [
  "charge_type",
  "provider",
  "model",
  "price",
  "effective_from",
  "effective_until",
] as const;

function toTableLines(table: ReturnType<typeof createTable>) {
  return (prices: readonly LLMPrice[]) =>
    table(
      prices.map(({ chargeType, provider, model, price, effectiveFrom, effectiveUntil }) => [
        ...[chargeType, provider, model, price],
        ...[toTimeText(effectiveFrom) ?? "", toTimeText(effectiveUntil) ?? ""],
      ]),
    );
}

function toJsonLines(prices: readonly LLMPrice[]): string[] {
  return prices.map((price) => toJsonString(LLMPriceSchema, price));
}
