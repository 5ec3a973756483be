import type { MessageInitShape } from "@bufbuild/protobuf";
import type { LLMPrice, LLMPriceRevision } from "../gen/llmprices/v1/llm_price_pb.js";
import type { ListLLMPricesRequestSchema } from "../gen/llmprices/v1/pricing_service_pb.js";
import type { Connection } from "./connection.js";

/** Which prices to list, and at what time. */
export type PriceFilters = Pick<
  MessageInitShape<typeof ListLLMPricesRequestSchema>,
  "chargeType" | "provider" | "modelPrefix" | "asOf"
>;

/** The prices that the filters let through in key order, page by page, all at the same instant. */
export async function* pagesOfPrices(
  { pricing }: Pick<Connection, "pricing">,
  filters: PriceFilters,
): AsyncGenerator<readonly LLMPrice[]> {
  let pageToken = "";
  do {
    const page = await pricing.listLLMPrices({ ...filters, pageSize: 1000, pageToken });
    yield page.llmPrices;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

/** A key's timeline, oldest first, page by page. */
export async function* pagesOfRevisions(
  { pricing }: Pick<Connection, "pricing">,
  id: string,
): AsyncGenerator<readonly LLMPriceRevision[]> {
  const lookup = { case: "id", value: id } as const;
  let pageToken = "";
  do {
    const page = await pricing.listLLMPriceRevisions({ lookup, pageSize: 1000, pageToken });
    yield page.llmPriceRevisions;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}
