import type { MessageInitShape } from "@bufbuild/protobuf";
import { mapAsync } from "../../async/map-async.js";
import type { LLMPrice, LLMPriceRevision } from "../../gen/llmprices/v1/llm_price_pb.js";
import type { ListLLMPricesRequestSchema } from "../../gen/llmprices/v1/pricing_service_pb.js";
import type { Connection } from "./client.js";

/** The prices to list, and the time at which to list them. */
export type PriceFilters = Pick<
  MessageInitShape<typeof ListLLMPricesRequestSchema>,
  "chargeType" | "provider" | "modelPrefix" | "asOf"
>;

/** Yields the prices that match the filters, in key order. All pages show the same instant. */
export function pagesOfPrices(
  { pricing }: Pick<Connection, "pricing">,
  filters: PriceFilters,
): AsyncGenerator<readonly LLMPrice[]> {
  const pages = allPages((page) => pricing.listLLMPrices({ ...filters, ...page }));
  return mapAsync(pages, ({ llmPrices }) => llmPrices);
}

/** Yields the revisions of a key's timeline, oldest first. */
export function pagesOfRevisions(
  { pricing }: Pick<Connection, "pricing">,
  id: string,
): AsyncGenerator<readonly LLMPriceRevision[]> {
  const lookup = { case: "id", value: id } as const;
  const pages = allPages((page) => pricing.listLLMPriceRevisions({ lookup, ...page }));
  return mapAsync(pages, ({ llmPriceRevisions }) => llmPriceRevisions);
}

/** Yields all responses of a paginated list RPC (AIP-158). */
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
