import { Code } from "@connectrpc/connect";
import type { LLMPrice } from "../../src/gen/llmprices/v1/llm_price_pb.js";
import { byKey, type TestKey } from "../../test/support/prices.js";
import { errorOf, type ReceivedError } from "../../test/support/received-errors.js";
import type { Endpoint } from "../../test/support/service.js";
import type { CatalogModel } from "./catalog.js";
import { asAnswered, type PricedKey, toComparable, toExpected, toRequest } from "./charges.js";
import { concurrently } from "./concurrently.js";
import type { Counter } from "./counter.js";

/** The ids and the version that the writes returned. */
export type Book = { readonly ids: ReadonlyMap<TestKey, string>; readonly version: bigint };

/** Registers the providers, then their models. */
export async function register(
  { catalog: rpc }: Endpoint,
  { compare }: Counter,
  catalog: ReadonlyMap<string, readonly CatalogModel[]>,
): Promise<void> {
  await concurrently([...catalog.keys()], async (name) => {
    const created = rpc.createProvider({ name }).then(({ provider }) => provider?.name);
    await compare({ createProvider: name }, created, name);
  });
  await concurrently([...catalog.values()].flat(), async ({ provider, model }) => {
    const created = rpc
      .createModel({ provider, name: model })
      .then((answer) => ({ provider: answer.model?.provider, model: answer.model?.name }));
    await compare({ createModel: { provider, model } }, created, { provider, model });
  });
}

/** Writes the first price of every key. */
export async function price(
  { pricing }: Endpoint,
  { compare }: Counter,
  priced: readonly PricedKey[],
): Promise<Book> {
  const ids = new Map<TestKey, string>();
  let version = 0n;
  await concurrently(priced, async ({ key, price }) => {
    const created = pricing.createLLMPrice({ ...key, price }).then(({ llmPrice, bookVersion }) => {
      if (llmPrice !== undefined) ids.set(key, llmPrice.id);
      if (bookVersion > version) version = bookVersion;
      return llmPrice && toLine(llmPrice);
    });
    await compare({ createLLMPrice: { ...key, price } }, created, expectedLine({ key, price }));
  });
  return { ids, version };
}

/** Calculates the charges of all keys over a protocol. */
export async function charge(
  protocol: keyof PricedKey["charges"],
  { pricing }: Endpoint,
  { compare }: Counter,
  priced: readonly PricedKey[],
  { ids, version }: Book,
): Promise<void> {
  await concurrently(priced, async ({ key, charges }) => {
    const terms = charges[protocol];
    const request = { ...key, ...toRequest(terms), minBookVersion: version };
    const answer = pricing.calculateCharge(request).then(toComparable);
    await compare({ protocol, calculateCharge: request }, answer, toExpected(terms, ids.get(key)));
  });
}

/** Lists all prices page by page, and checks that they come in the byte order of their keys. */
export async function list(
  { pricing }: Endpoint,
  { compare }: Counter,
  priced: readonly PricedKey[],
): Promise<void> {
  const listed: LLMPrice[] = [];
  let pageToken = "";
  do {
    const page = await pricing.listLLMPrices({ pageSize, pageToken });
    listed.push(...page.llmPrices);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && listed.length <= priced.length);

  const lines = listed.map(toLine);
  const expected = priced.toSorted((a, b) => compareKeys(a.key, b.key)).map(expectedLine);
  for (let index = 0; index < Math.max(lines.length, expected.length); index += 1) {
    await compare({ listLLMPrices: { index } }, Promise.resolve(lines[index]), expected[index]);
  }
}

/** Reads and charges keys without a price, which must be NOT_FOUND. */
export async function miss(
  { pricing }: Endpoint,
  { compare }: Counter,
  absent: readonly TestKey[],
  { version }: Book,
): Promise<void> {
  const terms = {
    providerCost: "1",
    usageRatio: { case: "accountUsageRatio", value: "1" },
  } as const;
  await concurrently(absent, async (key) => {
    const { chargeType, provider, model } = key;
    const expected = {
      code: Code.NotFound,
      reason: "PRICE_NOT_FOUND",
      key: `${chargeType}/${provider}/${model}`,
    };
    const read = errorOf(pricing.getLLMPrice({ lookup: byKey(key) }));
    await compare({ getLLMPrice: key }, read.then(toComparableError), expected);
    const request = { ...key, ...terms, minBookVersion: version };
    const charged = errorOf(pricing.calculateCharge(request));
    await compare({ calculateCharge: key }, charged.then(toComparableError), expected);
  });
}

const pageSize = 1000;

function toComparableError({ code, reason, metadata }: ReceivedError) {
  return { code, reason, key: metadata.key };
}

type Line = TestKey & { readonly price: string };

function toLine({ chargeType, provider, model, price }: LLMPrice): Line {
  return { chargeType, provider, model, price };
}

function expectedLine({ key, price }: Pick<PricedKey, "key" | "price">): Line {
  return { ...key, price: asAnswered(price) };
}

function compareKeys(a: TestKey, b: TestKey): number {
  return (
    Buffer.compare(Buffer.from(a.chargeType), Buffer.from(b.chargeType)) ||
    Buffer.compare(Buffer.from(a.provider), Buffer.from(b.provider)) ||
    Buffer.compare(Buffer.from(a.model), Buffer.from(b.model))
  );
}
