import type { MessageInitShape } from "@bufbuild/protobuf";
import { mapAsync } from "../../async/map-async.js";
import { type Audience, isForEveryone } from "../../domain/price-key.js";
import {
  type LLMPrice,
  type LLMPriceChange,
  type LLMPriceRevision,
  PriceAudience,
} from "../../gen/llmprices/v1/llm_price_pb.js";
import type {
  ListLLMPriceRevisionsRequestSchema,
  ListLLMPricesRequestSchema,
} from "../../gen/llmprices/v1/pricing_service_pb.js";
import type { Connection } from "./client.js";

type ListRequest = MessageInitShape<typeof ListLLMPricesRequestSchema>;
type RevisionsRequest = MessageInitShape<typeof ListLLMPriceRevisionsRequestSchema>;
type Pricing = Pick<Connection, "pricing">;

/** The prices to list. An empty text matches all. */
export type PriceFilters = Audience & {
  readonly chargeType: string;
  readonly provider: string;
  readonly modelPrefix: string;
  /** Unset: those for everyone, or for the given account or price list. */
  readonly audience?: PriceAudience;
};

/** Returns whether the filters include prices that are not for everyone. */
export function includesAudiences({ audience, ...filters }: PriceFilters): boolean {
  return !isForEveryone(filters) || (audience ?? PriceAudience.EVERYONE) !== PriceAudience.EVERYONE;
}

/** The time to price at, and the version of the price book that says the prices. */
export type TimeOfBook = Pick<ListRequest, "asOf" | "bookVersion">;

/**
 * Yields the prices that match the filters, in key order. All pages show the same instant and the
 * same version of the price book.
 */
export function pagesOfPrices(
  { pricing }: Pricing,
  filters: PriceFilters & TimeOfBook,
): AsyncGenerator<readonly LLMPrice[]> {
  const pages = allPages((page) => pricing.listLLMPrices({ ...filters, ...page }));
  return mapAsync(pages, ({ llmPrices }) => llmPrices);
}

/** Yields the revisions of a key's timeline, oldest first. */
export function pagesOfRevisions(
  { pricing }: Pricing,
  request: Pick<RevisionsRequest, "lookup" | "showSuperseded">,
): AsyncGenerator<readonly LLMPriceRevision[]> {
  const pages = allPages((page) => pricing.listLLMPriceRevisions({ ...request, ...page }));
  return mapAsync(pages, ({ llmPriceRevisions }) => llmPriceRevisions);
}

/** Yields the changes after a version of the price book, in the order of the versions. */
export function pagesOfChanges(
  { pricing }: Pricing,
  afterBookVersion: bigint,
): AsyncGenerator<readonly LLMPriceChange[]> {
  const pages = allPages((page) => pricing.listLLMPriceChanges({ afterBookVersion, ...page }));
  return mapAsync(pages, ({ llmPriceChanges }) => llmPriceChanges);
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
