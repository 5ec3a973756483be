import type { MessageInitShape } from "@bufbuild/protobuf";
import type { LLMPrice, LLMPriceRevision } from "../../gen/llmprices/v1/llm_price_pb.js";
import type { ListLLMPricesRequestSchema } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { mapAsync } from "../../map-async.js";
import type { Connection } from "./client.js";

/** Which prices to list, and at what time. */
export type PriceFilters = Pick<
  MessageInitShape<typeof ListLLMPricesRequestSchema>,
  "chargeType" | "provider" | "modelPrefix" | "asOf"
>;

/** The prices that the filters let through in key order, page by page, all at the same instant. */
export function pagesOfPrices(
  { pricing }: Pick<Connection, "pricing">,
  filters: PriceFilters,
): AsyncGenerator<readonly LLMPrice[]> {
  const pages = allPages((page) => pricing.listLLMPrices({ ...filters, ...page }));
  return mapAsync(pages, ({ llmPrices }) => llmPrices);
}

/** A key's timeline, oldest first, page by page. */
export function pagesOfRevisions(
  { pricing }: Pick<Connection, "pricing">,
  id: string,
): AsyncGenerator<readonly LLMPriceRevision[]> {
  const lookup = { case: "id", value: id } as const;
  const pages = allPages((page) => pricing.listLLMPriceRevisions({ lookup, ...page }));
  return mapAsync(pages, ({ llmPriceRevisions }) => llmPriceRevisions);
}

/** The answers of a list RPC, page by page until the last one (AIP-158). */
export async function* allPages<P extends { readonly nextPageToken: string }>(
  list: (page: { readonly pageSize: number; readonly pageToken: string }) => Promise<P>,
): AsyncGenerator<P> {
  let pageToken = "";
  do {
    const page = await list({ pageSize: 1000, pageToken });
    yield page;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}
