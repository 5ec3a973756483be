import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Instant } from "../../domain/instant.js";
import { type AudienceFilter, everyone, isAmong, type Key } from "../../domain/price-key.js";
import {
  type LLMPriceChange,
  PriceAudience,
  RevisionChangeKind,
} from "../../gen/llmprices/v1/llm_price_pb.js";
import { usageError } from "../exit-codes.js";
import type { Step, Timeline } from "../rows/timeline-rows.js";
import type { Connection } from "./client.js";
import { type PriceFilters, pagesOfChanges } from "./list-all.js";

/** What a list is read from: one instant, and one version of the price book. */
export type BookState = {
  readonly now: Instant;
  readonly bookVersion: bigint;
  /** The newest version when the list was made. */
  readonly newestVersion: bigint;
};

/**
 * Reads the service's clock and the newest version of the price book, in one call.
 *
 * @throws Failure when the price book has not reached the wanted version.
 */
export async function readBookState(
  { pricing }: Pick<Connection, "pricing">,
  filters: PriceFilters,
  wantedVersion: bigint | undefined,
): Promise<BookState> {
  const { asOf, bookVersion: newest } = await pricing.listLLMPrices({ ...filters, pageSize: 1 });
  if (asOf === undefined) throw new Error("the service returned no as_of");
  if (wantedVersion !== undefined && wantedVersion > newest) {
    throw usageError(
      `--book-version is ${wantedVersion}; the newest version of the price book is ${newest}`,
    );
  }
  const bookVersion = wantedVersion ?? newest;
  return { now: timestampMs(asOf), bookVersion, newestVersion: newest };
}

/**
 * Reads all timelines that one version of the price book says, in key order, also those of keys that
 * no list of prices shows. Reads every change up to that version, and keeps the revisions that stand.
 */
export async function readTimelines(
  connection: Pick<Connection, "pricing">,
  filters: PriceFilters,
  bookVersion: bigint,
): Promise<readonly Timeline[]> {
  const timelines = new Map<string, MutableTimeline>();
  for await (const changes of pagesOfChanges(connection, 0n)) {
    for (const change of changes) {
      if (isStanding(change, bookVersion) && matches(change, filters)) add(timelines, change);
    }
    if ((changes.at(-1)?.bookVersion ?? 0n) > bookVersion) break;
  }
  const sorted = [...timelines.values()].sort(compareKeys);
  for (const { revisions } of sorted) revisions.sort((a, b) => a.effectiveFrom - b.effectiveFrom);
  return sorted;
}

type MutableTimeline = { readonly key: Key; readonly revisions: Step[] };

/** Returns true for a revision that had been written by a version, and not taken back. */
function isStanding({ bookVersion, kind, revision }: LLMPriceChange, at: bigint): boolean {
  if (kind !== RevisionChangeKind.WRITTEN || bookVersion > at) return false;
  return revision?.supersededIn === undefined || revision.supersededIn > at;
}

function matches({ key }: LLMPriceChange, filters: PriceFilters): boolean {
  const { chargeType, provider, modelPrefix } = filters;
  return (
    key !== undefined &&
    isAmong(key, toAudienceFilter(filters)) &&
    (chargeType === "" || key.chargeType === chargeType) &&
    (provider === "" || key.provider === provider) &&
    key.model.startsWith(modelPrefix)
  );
}

function add(timelines: Map<string, MutableTimeline>, { key, revision }: LLMPriceChange): void {
  if (key === undefined || revision?.effectiveFrom === undefined) return;
  const { llmPriceId, price, effectiveFrom } = revision;
  let timeline = timelines.get(llmPriceId);
  if (timeline === undefined) {
    const { $typeName, ...parts } = key;
    timeline = { key: parts, revisions: [] };
    timelines.set(llmPriceId, timeline);
  }
  timeline.revisions.push({ price, effectiveFrom: timestampMs(effectiveFrom) });
}

function toAudienceFilter({ audience, accountId, priceList }: PriceFilters): AudienceFilter {
  const isOne = audience === undefined || audience === PriceAudience.EVERYONE;
  return isOne ? { accountId, priceList } : audienceKinds[audience];
}

const audienceKinds = {
  [PriceAudience.UNSPECIFIED]: everyone,
  [PriceAudience.ACCOUNTS]: "accounts",
  [PriceAudience.PRICE_LISTS]: "lists",
  [PriceAudience.ALL]: "all",
} as const;

/**
 * Compares in the service's byte order. Names are ASCII, so JavaScript's order is the same. That of account
 * ids is not if some are beyond the 16 bits of a unit.
 */
function compareKeys({ key: a }: Timeline, { key: b }: Timeline): number {
  return (
    Buffer.compare(Buffer.from(a.accountId), Buffer.from(b.accountId)) ||
    compare(a.priceList, b.priceList) ||
    compare(a.chargeType, b.chargeType) ||
    compare(a.provider, b.provider) ||
    compare(a.model, b.model)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
