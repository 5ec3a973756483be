import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import pLimit from "p-limit";
import { type Instant, lastInstant } from "../../domain/instant.js";
import type { LLMPrice, LLMPriceRevision } from "../../gen/llmprices/v1/llm_price_pb.js";
import type { PriceRow } from "../rows/price-rows.js";
import type { Connection } from "./client.js";
import { type PriceFilters, pagesOfPrices, pagesOfRevisions } from "./list-all.js";

/**
 * What can still be changed of every timeline, as rows for an import: the price in effect and what
 * is scheduled, in key order, some thousand rows at a time.
 *
 * A key without a price in effect is found where it will have one for good. What is only scheduled
 * both to begin and to end is not found: no list of the service shows it.
 */
export async function* readCurrentAndScheduledPrices(
  connection: Connection,
  filters: PriceFilters,
): AsyncGenerator<readonly PriceRow[]> {
  const now = await instantOf(connection);
  const inLane = pLimit(concurrency);
  for await (const prices of inBatches(openPrices(connection, filters, now))) {
    const rows = prices.map((price) =>
      inLane(() => toCurrentAndScheduledRows(connection, price, now)),
    );
    yield (await Promise.all(rows)).flat();
  }
}

/** The service's "now", so that all lists show the same. */
async function instantOf({ pricing }: Connection): Promise<Instant> {
  const { asOf } = await pricing.listLLMPrices({ pageSize: 1 });
  if (asOf === undefined) throw new Error("the service has not said what time it shows");
  return timestampMs(asOf);
}

/** Each key once, as it stands now or, where it has no price now, at the end of all time. */
async function* openPrices(
  connection: Connection,
  filters: PriceFilters,
  now: Instant,
): AsyncGenerator<LLMPrice> {
  const current = pricesAt(connection, filters, now);
  const last = pricesAt(connection, filters, lastInstant);
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

async function* pricesAt(
  connection: Connection,
  filters: PriceFilters,
  at: Instant,
): AsyncGenerator<LLMPrice, undefined> {
  for await (const prices of pagesOfPrices(connection, { ...filters, asOf: timestampFromMs(at) })) {
    yield* prices;
  }
}

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

/** Most prices are in effect with nothing behind them, and all of it is known. */
async function toCurrentAndScheduledRows(
  connection: Connection,
  price: LLMPrice,
  now: Instant,
): Promise<readonly PriceRow[]> {
  const isInEffect = hasBegun(price, now);
  if (isInEffect && price.effectiveUntil === undefined) return [toRow(price, price)];
  const rows: PriceRow[] = [];
  for await (const revisions of pagesOfRevisions(connection, price.id)) {
    const open = revisions.filter(
      (revision) =>
        !hasBegun(revision, now) || (revision.price !== undefined && !hasPassed(revision, now)),
    );
    rows.push(...open.map((revision) => toRow(price, revision)));
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

/** Names are ASCII: the order of their characters is the service's order of bytes. */
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
