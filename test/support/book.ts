import { setTimeout as wait } from "node:timers/promises";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Knex } from "knex";
import { at, type TestKey } from "./prices.js";
import type { Endpoint } from "./service.js";

/** A client that calculates charges. */
export type PricingEndpoint = Pick<Endpoint, "pricing">;

/** The price book versions and the time that a calculation requests. */
export type BookTerms = {
  readonly minBookVersion?: bigint;
  readonly bookVersion?: bigint;
  readonly asOf?: string;
};

/** The price, the version and the time that a calculation used. */
export type Applied = {
  readonly price: string;
  readonly version: bigint;
  /** In milliseconds since 1970. */
  readonly asOf: number;
};

/** Calculates with a cost of 1 and a usage ratio of 1, now or at the terms' time and version. */
type Calculate = (endpoint: PricingEndpoint, key: TestKey, terms?: BookTerms) => Promise<Applied>;

export const charge: Calculate = async ({ pricing }, key, terms) =>
  toApplied(await pricing.calculateCharge(toLine(key, terms)));

/** All other RPCs that calculate. The service runs all of them in worker threads. */
export const offloadedCalculations: Readonly<Record<string, Calculate>> = {
  BatchCalculateCharges: async ({ pricing }, key, terms) =>
    toOnly(await pricing.batchCalculateCharges({ requests: [toLine(key)], ...toFields(terms) })),

  "a calculation of BatchCalculateCharges": async ({ pricing }, key, terms) =>
    toOnly(await pricing.batchCalculateCharges({ requests: [toLine(key, terms)] })),

  AllocateCharges: async ({ pricing }, key, terms) => {
    const allocation = { terms: toAllocation(key, terms), accountUsages };
    return toApplied((await pricing.allocateCharges(allocation)).totals);
  },

  StreamAllocateCharges: async ({ pricing }, key, terms) => {
    const message = { terms: toAllocation(key, terms), accountUsages };
    let last: { readonly totals?: Calculated | undefined } = {};
    for await (const response of pricing.streamAllocateCharges(streamOf(message))) last = response;
    return toApplied(last.totals);
  },
};

/** Repeats a call until it is no longer UNAVAILABLE, and returns its result. */
export async function untilAnswered<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (ConnectError.from(error).code !== Code.Unavailable) throw error;
    }
    await wait(5);
  }
}

/** Returns one calculation of a batch. */
export function toLine(key: TestKey, terms?: BookTerms) {
  const usageRatio = { case: "accountUsageRatio" as const, value: "1" };
  return { ...key, providerCost: "1", usageRatio, ...toFields(terms) };
}

/** Changes prices in SQL from now on, all in one version of the price book, and returns the version. */
export function changeInSql(
  knex: Knex,
  prices: readonly { readonly id: string; readonly price: string }[],
): Promise<bigint> {
  return knex.transaction(async (transaction) => {
    const [row] = await transaction("llm_price_revisions")
      .insert(prices.map(({ id, price }) => ({ llm_price_id: id, price })))
      .returning("book_version");
    return BigInt(row.book_version);
  });
}

/** Terminates the connections that follow the price book, each with a probability. */
export async function killListeners(knex: Knex, probability = 1): Promise<number> {
  const { rows } = await knex.raw(
    `
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'llmprices book'
      and random() < ?`,
    [probability],
  );
  return rows.length;
}

/** Sets the price book back by some versions, like a restored backup. Disables the triggers. */
export async function restoreOlder(knex: Knex, versions: number): Promise<void> {
  await knex.transaction(async (transaction) => {
    await transaction.raw("set local session_replication_role = replica");
    await transaction.raw("update price_book set version = version - ?", [versions]);
    await transaction.raw(`
      update llm_price_revisions set superseded_in = null
      where superseded_in > (select version from price_book)`);
    await transaction.raw(`
      delete from llm_price_revisions where book_version > (select version from price_book)`);
    await transaction.raw(`
      update llm_prices key set book_version = coalesce((
        select max(greatest(book_version, superseded_in)) from llm_price_revisions
        where llm_price_id = key.id
      ), 0)`);
  });
}

function toFields({ minBookVersion, bookVersion, asOf }: BookTerms = {}) {
  return {
    ...(minBookVersion && { minBookVersion }),
    ...(bookVersion !== undefined && { bookVersion }),
    ...(asOf && { asOf: at(asOf) }),
  };
}

function toAllocation(key: TestKey, terms?: BookTerms) {
  return { ...key, providerCost: "1", currencyCode: "USD", ...toFields(terms) };
}

async function* streamOf<T>(message: T): AsyncGenerator<T> {
  yield message;
}

type Pricing = PricingEndpoint["pricing"];
type Calculated = Pick<
  Awaited<ReturnType<Pricing["calculateCharge"]>>,
  "markup" | "asOf" | "appliedPrice"
>;

function toOnly({ results }: Awaited<ReturnType<Pricing["batchCalculateCharges"]>>): Applied {
  const result = results[0]?.result;
  if (result?.case !== "charge") throw new Error("no charge", { cause: result?.value });
  return toApplied(result.value);
}

function toApplied(calculated: Calculated | undefined): Applied {
  if (calculated?.asOf === undefined) throw new Error("nothing was charged");
  const { markup: price, asOf, appliedPrice } = calculated;
  return { price, version: appliedPrice?.bookVersion ?? -1n, asOf: timestampMs(asOf) };
}

const accountUsages = [{ accountId: "a", usage: "1" }];
