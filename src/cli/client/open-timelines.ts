import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import pLimit from "p-limit";
import { type Instant, lastInstant } from "../../domain/instant.js";
import type { LLMPrice, LLMPriceRevision } from "../../gen/llmprices/v1/llm_price_pb.js";
import type { PriceRow } from "../rows/price-rows.js";
import type { Connection } from "./client.js";
import { type PriceFilters, pagesOfPrices, pagesOfRevisions } from "./list-all.js";

/**
 * Reads the part of every timeline that can still change: the current price and the scheduled
 * revisions. Yields them as rows for an import, in key order, for up to 1000 keys at a time.
 *
 * Finds a key without a current price only if the key has a price at the end of all time. A key
 * whose only price is scheduled both to begin and to end is missing: no list of the service shows
 * it.
 */
export async function* readCurrentAndScheduledPrices(
  connection: Connection,
  filters: PriceFilters,
): AsyncGenerator<readonly PriceRow[]> {
  const now = await readServiceTime(connection);
  const limit = pLimit(concurrency);
  for await (const prices of inBatches(mergeCurrentAndFinalPrices(connection, filters, now))) {
    const rows = prices.map((price) =>
      limit(() => toCurrentAndScheduledRows(connection, price, now)),
    );
    yield (await Promise.all(rows)).flat();
  }
}

/** Reads the service's current time, so that all lists are read at the same instant. */
async function readServiceTime({ pricing }: Connection): Promise<Instant> {
  const { asOf } = await pricing.listLLMPrices({ pageSize: 1 });
  if (asOf === undefined) throw new Error("the service returned no as_of");
  return timestampMs(asOf);
}

/** Yields each key once: at its current price, or without one at its price at the end of time. */
async function* mergeCurrentAndFinalPrices(
  connection: Connection,
  filters: PriceFilters,
  now: Instant,
): AsyncGenerator<LLMPrice> {
  const current = listPricesAt(connection, filters, now);
  const last = listPricesAt(connection, filters, lastInstant);
  let a = await current.next();
  let b = await last.next();
  while (!a.done || !b.done) {
    const order = a.done ? 1 : b.done ? -1 : compareKeys(a.value, b.value);
    const next = order <= 0 ? a.value : b.value;
    if (next !== undefined) yield next;
    if (order <= 0) a = await current.next();
    if (order >= 0) b = await last.next();
  }
}

async function* listPricesAt(
  connection: Connection,
  filters: PriceFilters,
  at: Instant,
): AsyncGenerator<LLMPrice, undefined> {
  for await (const prices of pagesOfPrices(connection, { ...filters, asOf: timestampFromMs(at) })) {
    yield* prices;
  }
}

/** The last batch may be empty: an export without prices still writes its header. */
async function* inBatches(prices: AsyncIterable<LLMPrice>): AsyncGenerator<readonly LLMPrice[]> {
  let batch: LLMPrice[] = [];
  for await (const price of prices) {
    batch.push(price);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

/** Reads the timeline only if it is needed: most keys have a current price that never ends. */
async function toCurrentAndScheduledRows(
  connection: Connection,
  price: LLMPrice,
  now: Instant,
): Promise<readonly PriceRow[]> {
  const isInEffect = hasBegun(price, now);
  if (isInEffect && price.effectiveUntil === undefined) return [toRow(price, price)];
  const rows: PriceRow[] = [];
  for await (const revisions of pagesOfRevisions(connection, price.id)) {
    const changeable = revisions.filter(
      (revision) =>
        !hasBegun(revision, now) || (revision.price !== undefined && !hasPassed(revision, now)),
    );
    rows.push(...changeable.map((revision) => toRow(price, revision)));
  }
  return rows;
}

function hasBegun({ effectiveFrom }: Pick<LLMPriceRevision, "effectiveFrom">, now: Instant) {
  return effectiveFrom !== undefined && timestampMs(effectiveFrom) <= now;
}

function hasPassed({ effectiveUntil }: Pick<LLMPriceRevision, "effectiveUntil">, now: Instant) {
  return effectiveUntil !== undefined && timestampMs(effectiveUntil) <= now;
}

function toRow(
  { chargeType, provider, model }: LLMPrice,
  { price, effectiveFrom }: Pick<LLMPriceRevision, "price" | "effectiveFrom"> | LLMPrice,
): PriceRow {
  const step = price === undefined ? { ends: true } : { price };
  return { chargeType, provider, model, ...step, ...(effectiveFrom && { effectiveFrom }) };
}

/** Compares in the service's byte order. Names are ASCII, so JavaScript's order is the same. */
function compareKeys(a: LLMPrice, b: LLMPrice): number {
  return (
    compare(a.chargeType, b.chargeType) ||
    compare(a.provider, b.provider) ||
    compare(a.model, b.model)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

const batchSize = 1000;
const concurrency = 16;
