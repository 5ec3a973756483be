import { type Timestamp, timestampDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Knex } from "knex";
import { toKeyColumns } from "../../src/store/prices/price-columns.js";
import type { TestDatabase } from "./postgres.js";
import type { Endpoint } from "./service.js";

/** A key in the form of requests. */
export type TestKey = {
  readonly accountId?: string;
  readonly priceList?: string;
  readonly chargeType: string;
  readonly provider: string;
  readonly model: string;
};

/** Registers a key's names, unless they are registered. */
export async function registerNames(
  { catalog }: Pick<Endpoint, "catalog">,
  { provider, model }: Pick<TestKey, "provider" | "model">,
): Promise<void> {
  await catalog.createProvider({ name: provider }).catch(() => {});
  await catalog.createModel({ provider, name: model }).catch(() => {});
}

/** Inserts a key without a price, unless it exists, as an SQL client does. Returns its id. */
export async function insertKey(
  knex: Knex,
  { accountId = "", priceList = "", ...names }: TestKey,
): Promise<string> {
  const columns = toKeyColumns({ ...names, accountId, priceList });
  await knex("llm_prices").insert(columns).onConflict().ignore();
  return (await knex("llm_prices").where(columns).first("id")).id;
}

let keys = 0;

/** Returns a key that no other test uses, with registered names. */
export async function freshKey(endpoint: Pick<Endpoint, "catalog">): Promise<TestKey> {
  keys += 1;
  const key = { chargeType: "completion", provider: "acme", model: `model-${keys}` };
  await registerNames(endpoint, key);
  return key;
}

/**
 * Creates a fresh key with a price that takes effect at `since`, or now. Waits until calculations of the same
 * service use it, also those of clients that do not ask for its version.
 */
export async function freshPrice(
  endpoint: Pick<Endpoint, "catalog" | "pricing">,
  price: string,
  since?: Date,
) {
  const key = await freshKey(endpoint);
  const { llmPrice, bookVersion } = await endpoint.pricing.createLLMPrice({
    ...key,
    price,
    ...(since && { effectiveFrom: timestampFromMs(since.getTime()) }),
  });
  if (llmPrice === undefined) throw new Error("CreateLLMPrice returned no price");
  await endpoint.pricing.calculateCharge({
    ...{ ...key, providerCost: "0", minBookVersion: bookVersion, asOf: llmPrice.effectiveFrom },
    usageRatio: { case: "accountUsageRatio", value: "0" },
  } as never);
  return { ...llmPrice, key, bookVersion };
}

/** Converts `2026-01-31`, or a time with hours to milliseconds, in UTC, to the form of requests. */
export function at(text: string): Timestamp {
  return timestampFromMs(Date.parse(text));
}

/** Formats a time of a response as RFC 3339 with milliseconds. Returns undefined for undefined. */
export function textOf(time: Timestamp | undefined): string | undefined {
  return time && timestampDate(time).toISOString();
}

export function byKey(value: TestKey) {
  return { case: "key" as const, value };
}

export function byId(value: string) {
  return { case: "id" as const, value };
}

/** Returns the price of a key at a time, by default now, or undefined if it has none. */
export async function priceAt(
  { pricing }: Pick<Endpoint, "pricing">,
  key: TestKey,
  time?: string,
): Promise<string | undefined> {
  const asOf = time === undefined ? {} : { asOf: at(time) };
  const response = pricing.getLLMPrice({ lookup: byKey(key), ...asOf });
  const { llmPrice } = await response.catch((error: unknown) => {
    if (ConnectError.from(error).code !== Code.NotFound) throw error;
    return { llmPrice: undefined };
  });
  return llmPrice?.price;
}

/** Formats a key's timeline from 2100 on: `2100-01-01 1.25`, `2101-01-01 end`. */
export async function scheduleOf(
  { pricing }: Pick<Endpoint, "pricing">,
  key: TestKey,
): Promise<string[]> {
  const { llmPriceRevisions } = await pricing.listLLMPriceRevisions({ lookup: byKey(key) });
  return llmPriceRevisions
    .map(({ effectiveFrom, price }) => `${textOf(effectiveFrom)?.slice(0, 10)} ${price ?? "end"}`)
    .filter((step) => step >= "2100");
}

/** Reads the version of the price book. */
export async function bookVersionOf({ knex }: Pick<TestDatabase, "knex">): Promise<bigint> {
  return BigInt((await knex("price_book").first("version")).version);
}
