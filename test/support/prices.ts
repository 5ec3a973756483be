import { type Timestamp, timestampDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { TestDatabase } from "./postgres.js";
import type { Endpoint } from "./service.js";

/** A key in the form of requests. */
export type TestKey = {
  readonly chargeType: string;
  readonly provider: string;
  readonly model: string;
};

/** Registers a key's names; those known already stay. */
export async function registerNames(
  { catalog }: Pick<Endpoint, "catalog">,
  { provider, model }: Pick<TestKey, "provider" | "model">,
): Promise<void> {
  await catalog.createProvider({ name: provider }).catch(() => {});
  await catalog.createModel({ provider, name: model }).catch(() => {});
}

let keys = 0;

/** A key that no other test has, its names registered. */
export async function freshKey(door: Pick<Endpoint, "catalog">): Promise<TestKey> {
  keys += 1;
  const key = { chargeType: "completion", provider: "acme", model: `model-${keys}` };
  await registerNames(door, key);
  return key;
}

/** A fresh key with a price in effect since `since`, or from now on. */
export async function freshPrice(
  door: Pick<Endpoint, "catalog" | "pricing">,
  price: string,
  since?: Date,
) {
  const key = await freshKey(door);
  const { llmPrice, bookVersion } = await door.pricing.createLLMPrice({
    ...key,
    price,
    ...(since && { effectiveFrom: timestampFromMs(since.getTime()) }),
  });
  if (llmPrice === undefined) throw new Error("CreateLLMPrice answered no price");
  return { ...llmPrice, key, bookVersion };
}

/** A time as in requests: `2026-01-31`, or with hours to milliseconds, in UTC. */
export function at(text: string): Timestamp {
  return timestampFromMs(Date.parse(text));
}

/** A time as in answers, to be compared: RFC 3339 with milliseconds. Undefined stays so. */
export function textOf(time: Timestamp | undefined): string | undefined {
  return time && timestampDate(time).toISOString();
}

export function byKey(value: TestKey) {
  return { case: "key" as const, value };
}

export function byId(value: string) {
  return { case: "id" as const, value };
}

/** The price of a key at an instant, or now; undefined where it has none. */
export async function priceAt(
  { pricing }: Pick<Endpoint, "pricing">,
  key: TestKey,
  time?: string,
): Promise<string | undefined> {
  const asOf = time === undefined ? {} : { asOf: at(time) };
  const found = pricing.getLLMPrice({ lookup: byKey(key), ...asOf });
  const { llmPrice } = await found.catch((error: unknown) => {
    if (ConnectError.from(error).code !== Code.NotFound) throw error;
    return { llmPrice: undefined };
  });
  return llmPrice?.price;
}

/** A key's timeline in short, from 2100 on: `2100-01-01 1.25`, `2101-01-01 end`. */
export async function scheduleOf(
  { pricing }: Pick<Endpoint, "pricing">,
  key: TestKey,
): Promise<string[]> {
  const { llmPriceRevisions } = await pricing.listLLMPriceRevisions({ lookup: byKey(key) });
  return llmPriceRevisions
    .map(({ effectiveFrom, price }) => `${textOf(effectiveFrom)?.slice(0, 10)} ${price ?? "end"}`)
    .filter((step) => step >= "2100");
}

/** The version of the price book. */
export async function bookVersionOf({ knex }: Pick<TestDatabase, "knex">): Promise<bigint> {
  return BigInt((await knex("price_book").first("version")).version);
}
