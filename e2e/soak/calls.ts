import { randomUUID } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import { expectedCharge } from "../../test/oracle/expected-charge.js";
import { importRows, sent } from "../../test/support/imports.js";
import { byKey, type TestKey } from "../../test/support/prices.js";
import type { Endpoint } from "../../test/support/service.js";
import { watchUntil } from "../support/watch-changes.js";

/** A kind of call, its frequency relative to others, and its expected outcome. */
export type Kind = {
  readonly name: string;
  readonly weight: number;
  /** @throws Error if the response is wrong. */
  readonly call: (endpoint: Endpoint, key: TestKey) => Promise<unknown>;
  /** The code of the error that the call must cause. */
  readonly expectedError?: Code;
  /** Whether the call may also succeed. */
  readonly mayBeAnswered?: true;
};

/** Valid and invalid calls. All keys have a price. */
export const kinds: readonly Kind[] = [
  { name: "CalculateCharge", weight: 40, call: calculate },
  { name: "BatchCalculateCharges", weight: 5, call: calculateMany },
  { name: "AllocateCharges", weight: 5, call: allocate },
  { name: "StreamAllocateCharges", weight: 3, call: allocateStream },
  { name: "UpdateLLMPrice", weight: 6, call: update },
  { name: "ImportLLMPrices", weight: 1, call: importSome },
  { name: "ListLLMPrices", weight: 4, call: ({ pricing }) => listTwoPages(pricing) },
  {
    name: "GetLLMPrice",
    weight: 4,
    call: ({ pricing }, key) => pricing.getLLMPrice({ lookup: byKey(key) }, limit),
  },
  { name: "ListLLMPriceChanges", weight: 2, call: listChanges },
  { name: "WatchLLMPriceChanges", weight: 2, call: watchChange },
  { name: "UpdateLLMPrice of the past", weight: 2, call: correct },
  {
    name: "cancelled UpdateLLMPrice",
    weight: 3,
    expectedError: Code.Canceled,
    mayBeAnswered: true,
    call: ({ pricing }, key) => {
      const caller = new AbortController();
      setTimeout(() => caller.abort(), 3);
      const { signal } = caller;
      return pricing.updateLLMPrice({ lookup: byKey(key), price: "1.5" }, { signal });
    },
  },
  {
    name: "malformed CalculateCharge",
    weight: 4,
    expectedError: Code.InvalidArgument,
    call: ({ pricing }, key) => pricing.calculateCharge({ ...key, providerCost: "1e5" }, limit),
  },
  {
    name: "CalculateCharge without a price",
    weight: 2,
    expectedError: Code.NotFound,
    call: ({ pricing }, key) =>
      pricing.calculateCharge({ ...key, model: "nobody", ...amounts }, limit),
  },
];

/** Makes a call. Returns what was wrong, or undefined if it ended as expected. */
export async function make(
  kind: Kind,
  endpoint: Endpoint,
  key: TestKey,
): Promise<string | undefined> {
  try {
    await kind.call(endpoint, key);
    const isExpected = kind.expectedError === undefined || kind.mayBeAnswered;
    return isExpected ? undefined : `${kind.name} was answered`;
  } catch (error) {
    if (error instanceof ConnectError && error.code === kind.expectedError) return undefined;
    return `${kind.name}: ${(error as Error).message}`;
  }
}

const amounts = {
  providerCost: "1234.56",
  usageRatio: { case: "accountUsageRatio" as const, value: "0.125" },
};
const limit = { timeoutMs: 20_000 };
const accounts = Array.from({ length: 40 }, (_, i) => ({ accountId: `a-${i}`, usage: `${i + 1}` }));

async function calculate({ pricing }: Endpoint, key: TestKey): Promise<void> {
  const { markup, accountCharge } = await pricing.calculateCharge({ ...key, ...amounts }, limit);
  const terms = { providerCost: "1234.56", usage: "0.125", totalUsage: "1", rounding: undefined };
  const expected = expectedCharge({ ...terms, markup }).accountCharge;
  if (accountCharge !== expected) throw new Error(`${accountCharge} at ${markup}, not ${expected}`);
}

async function calculateMany({ pricing }: Endpoint, key: TestKey): Promise<void> {
  const requests = Array.from({ length: 100 }, () => ({ ...key, ...amounts }));
  const { results } = await pricing.batchCalculateCharges({ requests }, limit);
  const markups = new Set(
    results.map(({ result }) => (result.case === "charge" ? result.value.markup : "none")),
  );
  if (results.length !== 100 || markups.size !== 1) throw new Error(`markups ${[...markups]}`);
}

async function allocate({ pricing }: Endpoint, key: TestKey): Promise<void> {
  const terms = { ...key, providerCost: "1000", currencyCode: "USD" };
  const request = { terms, accountUsages: accounts };
  const { accountCharges, totals } = await pricing.allocateCharges(request, limit);
  requireSum(accountCharges, totals?.totalCharge);
}

async function allocateStream({ pricing }: Endpoint, key: TestKey): Promise<void> {
  const terms = { ...key, providerCost: "1000", currencyCode: "USD" };
  const requests = [0, 1, 2].map((part) => ({
    ...(part === 0 && { terms }),
    accountUsages: accounts.map(({ accountId, usage }) => ({
      accountId: `${accountId}-${part}`,
      usage,
    })),
  }));
  const charges: { accountCharge: string }[] = [];
  let total: string | undefined;
  for await (const part of pricing.streamAllocateCharges(sent(requests), limit)) {
    charges.push(...part.accountCharges);
    total = part.totals?.totalCharge;
  }
  requireSum(charges, total);
}

function requireSum(charges: readonly { accountCharge: string }[], total: string | undefined) {
  const cents = (text: string) => BigInt(text.replace(".", ""));
  const sum = charges.reduce((all, { accountCharge }) => all + cents(accountCharge), 0n);
  if (total === undefined || sum !== cents(total)) throw new Error(`${sum} cents, not ${total}`);
}

async function update({ pricing }: Endpoint, key: TestKey): Promise<void> {
  const price = `1.${Math.floor(Math.random() * 1e6)}1`;
  const request = { lookup: byKey(key), price, requestId: randomUUID(), reason: "soak" };
  const { llmPrice } = await pricing.updateLLMPrice(request, limit);
  if (llmPrice?.price !== price) throw new Error(`the price is ${llmPrice?.price}, not ${price}`);
}

/** Corrects the first second of a key. The version before still says what it said. */
async function correct({ pricing }: Endpoint, key: TestKey): Promise<void> {
  const { llmPriceRevisions } = await pricing.listLLMPriceRevisions({ lookup: byKey(key) }, limit);
  const [first] = llmPriceRevisions;
  if (first?.effectiveFrom === undefined) throw new Error("the key has no revision");
  const asOf = first.effectiveFrom;
  const charge = async (bookVersion: bigint) =>
    (await pricing.calculateCharge({ ...key, ...amounts, asOf, bookVersion }, limit)).markup;
  const correction = { effectiveFrom: asOf, correctPast: true, reason: "soak" };
  const price = `3.${Math.floor(Math.random() * 1e6)}1`;
  const { bookVersion } = await pricing.updateLLMPrice(
    { lookup: byKey(key), price, ...correction },
    limit,
  );
  const [before, after] = [await charge(bookVersion - 1n), await charge(bookVersion)];
  if (after !== price || before === price) throw new Error(`${before}, then ${after}`);
}

async function listChanges({ pricing }: Endpoint): Promise<void> {
  const { bookVersion } = await pricing.listLLMPriceChanges({ pageSize: 10 }, limit);
  const after = { afterBookVersion: bookVersion - 1n };
  const { llmPriceChanges } = await pricing.listLLMPriceChanges(after, limit);
  if (llmPriceChanges[0]?.bookVersion !== bookVersion)
    throw new Error("the last change is missing");
}

/** Watches until the change of an own write arrives. */
async function watchChange(endpoint: Endpoint, key: TestKey): Promise<void> {
  const { pricing } = endpoint;
  const { bookVersion } = await pricing.listLLMPriceChanges({ pageSize: 1 }, limit);
  const request = { afterBookVersion: bookVersion };
  const watched = watchUntil(endpoint, request, limit.timeoutMs, ({ llmPriceChanges }) =>
    llmPriceChanges.some((change) => change.key?.model === key.model),
  );
  await Promise.all([watched, update(endpoint, key)]);
}

async function importSome(endpoint: Endpoint, { chargeType, provider }: TestKey): Promise<void> {
  const price = `2.${Math.floor(Math.random() * 1e6)}1`;
  const rows = Array.from({ length: 20 }, (_, i) => ({
    ...{ chargeType, provider, model: `imported-${i}`, price },
  }));
  await importRows(endpoint, rows, { registerMissing: true, requestId: randomUUID() }, limit);
}

async function listTwoPages(pricing: Endpoint["pricing"]): Promise<void> {
  const { nextPageToken: pageToken } = await pricing.listLLMPrices({ pageSize: 50 }, limit);
  await pricing.listLLMPrices({ pageSize: 50, pageToken }, limit);
}
