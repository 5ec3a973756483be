import { type Timestamp, timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import fc from "fast-check";
import { MissingPrices } from "../../src/gen/llmprices/v1/llm_price_import_pb.js";
import {
  type LLMPriceChange,
  type LLMPriceRevision,
  RevisionChangeKind,
} from "../../src/gen/llmprices/v1/llm_price_pb.js";
import {
  anyWrites,
  HistoryBook,
  type HistoryWrite,
  historyKeys,
  instantOf,
  isRejected,
  priceAfter,
  type Step,
  type Steps,
} from "../oracle/price-histories.js";
import { charge } from "./book.js";
import { countsOf, importRows } from "./imports.js";
import { createTestDatabase } from "./postgres.js";
import { bookVersionOf, byKey, type TestKey } from "./prices.js";
import { errorOf } from "./received-errors.js";
import { startTestService, type TestService } from "./service.js";

/** Two replicas of one database, and what a watch of the second one has received. */
type Replicas = {
  readonly replicas: readonly [TestService, TestService];
  readonly watched: LLMPriceChange[];
  readonly watchedUpTo: () => bigint;
};

/**
 * Runs generated histories through two replicas, and compares everything that they say of every version
 * with the oracle. Two groups of histories run at a time, each with its own database, so that one uses the
 * processor while the other waits. A group is small, because an import of all prices compares the keys of
 * all histories before it.
 *
 * @throws when they differ, with the shortest history found.
 */
export async function checkHistories(numRuns: number, seed = Date.now()): Promise<void> {
  const groups = Array.from({ length: Math.ceil(numRuns / groupSize) }, (_, i) => ({
    ...{ seed: seed + i, numRuns: Math.min(groupSize, numRuns - i * groupSize) },
  }));
  const runGroups = async () => {
    for (let next = groups.shift(); next !== undefined; next = groups.shift())
      await checkGroup(next.numRuns, next.seed);
  };
  await Promise.all([runGroups(), runGroups()]);
}

const groupSize = 125;

async function checkGroup(numRuns: number, seed: number): Promise<void> {
  const database = await createTestDatabase();
  const config = {
    // No suggestions: most samples have no price.
    suggestionLimits: { timeoutMs: 1, batchTimeoutMs: 0 },
    maxStreamTimeoutMs: 24 * 3_600_000,
  };
  const replicas = [
    await startTestService(config, database),
    await startTestService(config, database),
  ] as const;
  const ending = new AbortController();
  const watched: LLMPriceChange[] = [];
  let upTo = 0n;
  const watching = (async () => {
    const request = { afterBookVersion: 0n };
    const messages = replicas[1].pricing.watchLLMPriceChanges(request, { signal: ending.signal });
    for await (const { llmPriceChanges, bookVersion } of messages) {
      watched.push(...llmPriceChanges);
      upTo = bookVersion ?? upTo;
    }
  })();
  let failure: unknown;
  const watchEnded = watching.catch((error: unknown) => {
    failure = error;
  });
  try {
    const watchedUpTo = () => {
      if (failure !== undefined) throw failure;
      return upTo;
    };
    const all = { replicas, watched, watchedUpTo };
    let histories = 0;
    await fc.assert(
      fc.asyncProperty(anyWrites, anyPageSize, async (writes, pageSize) => {
        histories += 1;
        await checkHistory(all, `history-${histories}`, writes, pageSize);
      }),
      { numRuns, seed, includeErrorInReport: true },
    );
  } finally {
    ending.abort();
    await watchEnded;
    for (const replica of replicas) await replica.stop();
    await database.drop();
  }
}

/** Pages that split the lists, and pages that take one call. */
const anyPageSize = fc.constantFrom(2, 3, 4, 100, 100, 100);

async function checkHistory(
  all: Replicas,
  provider: string,
  writes: readonly HistoryWrite[],
  pageSize: number,
): Promise<void> {
  const [first] = all.replicas;
  const keys = historyKeys.map((i) => ({ chargeType: "tool", provider, model: `model-${i}` }));
  const { knex } = first.database;
  await knex("providers").insert({ name: provider });
  await knex("models").insert(keys.map(({ model }) => ({ provider, name: model })));
  // Only the changes of earlier histories.
  all.watched.length = 0;
  const book = new HistoryBook(await bookVersionOf(first.database));
  for (const write of writes) await writeBoth(all.replicas[write.replica], book, keys, write);
  await checkCharges(all, book, keys);
  await checkReads(all, book, keys, pageSize);
  await checkRevisions(all, book, keys, pageSize);
  await checkChanges(all, book, keys, pageSize);
}

/** Sends a write, and records it in the oracle, which must agree on whether it is accepted. */
async function writeBoth(
  service: TestService,
  book: HistoryBook,
  keys: readonly TestKey[],
  write: HistoryWrite,
): Promise<void> {
  const expected = book.stepsAfter(write, Date.now());
  if (isRejected(expected)) {
    const error = await errorOf(send(service, book, keys, write));
    expect(error.reason, error.message).to.be.oneOf(expected);
    if (error.reason === "BOOK_CHANGED") {
      const named = Object.entries(error.metadata).filter(([name]) => name.startsWith("key_"));
      expect(named.length).to.equal(Number(error.metadata.changed_keys));
    }
    return;
  }
  const { version, from, counts } = await send(service, book, keys, write);
  const isNow = write.kind === "import" || write.from === 0;
  const after = book.stepsAfter(write, (isNow ? from : undefined) ?? Date.now());
  if (isRejected(after)) throw new Error("the oracle has changed its mind");
  const isChanged = after.some((steps, key) => steps !== book.stepsAt(book.version, key));
  if (write.kind === "import") {
    if (write.missing === "keep")
      expect(counts).to.equal(expectedCounts(book, after, write, from ?? Date.now()));
    if (write.validateOnly) return;
    // An import without rows for other histories' keys may end their prices.
    if (!isChanged) return void expect(Number(version)).to.be.at.least(Number(book.version));
  }
  expect(version > book.version).to.equal(true);
  book.add(version, after);
}

/** Returns the counts of an import at `now` that leaves keys without rows unchanged. */
function expectedCounts(
  book: HistoryBook,
  after: readonly Steps[],
  { rows }: Extract<HistoryWrite, { kind: "import" }>,
  now: number,
): string {
  const counts = { created: 0, updated: 0, unchanged: 0, ended: 0 };
  for (const key of new Set(rows.map((row) => row.key))) {
    const before = book.stepsAt(book.version, key);
    const steps = after[key] ?? [];
    const isPriced =
      priceAfter(before, now) !== null ||
      before.some(({ at, price }) => at > now && price !== null);
    const isEnded = rows.some((row) => {
      const at = instantOf(row.from, now);
      const find = (all: Steps) => all.find((step) => step.at === at)?.price;
      return row.key === key && row.price === null && find(before) !== find(steps);
    });
    if (steps === before) counts.unchanged += 1;
    else if (!isPriced) counts.created += 1;
    else if (isEnded) counts.ended += 1;
    else counts.updated += 1;
  }
  const found = Object.entries(counts).filter(([, count]) => count > 0);
  return found.map(([name, count]) => `${count} ${name}`).join(", ");
}

/** Sends a write. Returns its version, when it takes effect, and the counts of an import. */
async function send(
  service: TestService,
  book: HistoryBook,
  keys: readonly TestKey[],
  write: HistoryWrite,
): Promise<{
  readonly version: bigint;
  readonly from?: number | undefined;
  readonly counts?: string;
}> {
  const { pricing } = service;
  if (write.kind === "import") {
    const rows = write.rows.map(({ key, from, price, correctPast }) => ({
      ...(keys[key] as TestKey),
      ...(price === null ? { ends: true } : { price }),
      ...{ ...fromOf(from), correctPast },
    }));
    const { validateOnly, versionsAgo } = write;
    const terms = {
      ...{ reason: "a list", validateOnly, missingPrices: missing[write.missing] },
      ...(versionsAgo !== undefined && { baseBookVersion: book.base(versionsAgo) }),
    };
    const response = await importRows(service, rows, terms);
    const { bookVersion: version, effectiveFrom } = response;
    return { version, from: msOf(effectiveFrom), counts: countsOf(response) };
  }
  const key = keys[write.key] as TestKey;
  const common = { lookup: byKey(key), reason: "a reason", ...fromOf(write.from) };
  if (write.kind === "cancel") {
    const { bookVersion } = await pricing.cancelLLMPriceRevision(common);
    return { version: bookVersion };
  }
  const { price, correctPast } = write;
  if (write.kind === "delete") {
    const { bookVersion, llmPrice } = await pricing.deleteLLMPrice({ ...common, correctPast });
    return { version: bookVersion, from: msOf(llmPrice?.effectiveUntil) };
  }
  const { bookVersion, llmPrice } =
    write.kind === "create"
      ? await pricing.createLLMPrice({ ...common, ...key, price, correctPast })
      : await pricing.updateLLMPrice({ ...common, price, correctPast });
  expect(llmPrice?.price).to.equal(price);
  return { version: bookVersion, from: msOf(llmPrice?.effectiveFrom) };
}

/** Compares a batch with all samples, and single calculations with some of them. */
async function checkCharges(
  { replicas }: Replicas,
  book: HistoryBook,
  keys: readonly TestKey[],
): Promise<void> {
  const samples = samplesOf(book);
  const requests = samples.map(({ version, key, at }) => ({
    ...(keys[key] as TestKey),
    ...{ providerCost: "1", usageRatio: { case: "accountUsageRatio" as const, value: "1" } },
    ...{ asOf: timestampFromMs(at), bookVersion: version },
  }));
  const expected = samples.map((sample) =>
    toSampleText(sample, book.priceAt(sample.version, sample.key, sample.at)),
  );
  for (const replica of replicas) {
    const { results } = await replica.pricing.batchCalculateCharges({ requests });
    const found = results.map(({ result }, i) => {
      if (result.case !== "charge") return toSampleText(samples[i] as Sample, undefined);
      const { markup: price, appliedPrice, asOf } = result.value;
      const { key = -1 } = samples[i] ?? {};
      const sample = { key, version: appliedPrice?.bookVersion ?? -1n, at: msOf(asOf) ?? 0 };
      return toSampleText(sample, { price, ...timesOf(appliedPrice) });
    });
    // One text: to compare thousands of objects takes longer than all calls.
    expect(found.join("\n")).to.equal(expected.join("\n"));
  }
  for (const [i, { version, key, at }] of everyNth(samples, 4).entries()) {
    const terms = { asOf: new Date(at).toISOString(), bookVersion: version };
    const replica = replicas[i % 2] as TestService;
    const found = await orUndefined(charge(replica, keys[key] as TestKey, terms));
    expect(found?.price).to.equal(book.priceAt(version, key, at)?.price);
  }
}

async function checkReads(
  { replicas }: Replicas,
  book: HistoryBook,
  keys: readonly TestKey[],
  pageSize: number,
): Promise<void> {
  const samples = samplesOf(book);
  for (const [i, { version, key, at }] of everyNth(samples, 3).entries()) {
    const { pricing } = replicas[i % 2] as TestService;
    const time = { asOf: timestampFromMs(at), bookVersion: version };
    const request = { lookup: byKey(keys[key] as TestKey), ...time };
    const found = await orUndefined(pricing.getLLMPrice(request));
    const price = found?.llmPrice && { price: found.llmPrice.price, ...timesOf(found.llmPrice) };
    expect(price).to.deep.equal(book.priceAt(version, key, at));
    const provider = keys[0]?.provider ?? "";
    const expected = historyKeys.flatMap((each) => {
      const { price } = book.priceAt(version, each, at) ?? {};
      return price === undefined ? [] : [`model-${each} ${price}`];
    });
    const listed: string[] = [];
    let pageToken = "";
    do {
      const page = await pricing.listLLMPrices({ provider, ...time, pageSize, pageToken });
      listed.push(...page.llmPrices.map(({ model, price }) => `${model} ${price}`));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(listed).to.deep.equal(expected);
  }
}

/** Compares what all revisions of a key say of each version, and what stands. */
async function checkRevisions(
  { replicas }: Replicas,
  book: HistoryBook,
  keys: readonly TestKey[],
  pageSize: number,
): Promise<void> {
  for (const key of historyKeys) {
    if (book.versions.every((version) => book.stepsAt(version, key).length === 0)) continue;
    const lookup = byKey(keys[key] as TestKey);
    const revisions: LLMPriceRevision[] = [];
    let pageToken = "";
    do {
      const request = { lookup, showSuperseded: true, pageSize, pageToken };
      const page = await replicas[0].pricing.listLLMPriceRevisions(request);
      revisions.push(...page.llmPriceRevisions);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    for (const version of book.versions) {
      const said = revisions.filter(
        ({ bookVersion, supersededIn }) =>
          bookVersion <= version && (supersededIn === undefined || supersededIn > version),
      );
      expect(said.map(toStep)).to.deep.equal(book.stepsAt(version, key));
      for (const [i, revision] of said.entries()) {
        // The end is that of the last version that says the revision.
        const isLast =
          revision.supersededIn === undefined
            ? version === book.version
            : book.versions.find((each) => each > version) === revision.supersededIn;
        if (!isLast) continue;
        const next = said[i + 1];
        expect(msOf(revision.effectiveUntil)).to.equal(msOf(next?.effectiveFrom));
      }
    }
    const { llmPriceRevisions } = await replicas[1].pricing.listLLMPriceRevisions({ lookup });
    expect(llmPriceRevisions.map(toStep)).to.deep.equal(book.stepsAt(book.version, key));
  }
}

/** Applies the changes after each version to what it says: that must give what the newest one says. */
async function checkChanges(
  { replicas, watched, watchedUpTo }: Replicas,
  book: HistoryBook,
  keys: readonly TestKey[],
  pageSize: number,
): Promise<void> {
  const [from] = book.versions as [bigint];
  const changes: LLMPriceChange[] = [];
  let pageToken = "";
  do {
    const request = { afterBookVersion: from, pageSize, pageToken };
    const page = await replicas[0].pricing.listLLMPriceChanges(request);
    changes.push(...page.llmPriceChanges);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  const numbers = new Map(keys.map(({ model }, i) => [model, i]));
  const own = (each: readonly LLMPriceChange[]) =>
    each.filter(({ key }) => key?.provider === keys[0]?.provider);
  for (const version of book.versions) {
    const steps = historyKeys.map((key) => [...book.stepsAt(version, key)]);
    for (const { bookVersion, kind, key, revision } of own(changes)) {
      if (bookVersion <= version) continue;
      const timeline = steps[numbers.get(key?.model ?? "") ?? -1] as Step[];
      const step = toStep(revision as LLMPriceRevision);
      const index = timeline.findIndex(({ at }) => at === step.at);
      if (kind === RevisionChangeKind.SUPERSEDED) {
        expect(timeline[index]).to.deep.equal(step);
        timeline.splice(index, 1);
      } else {
        expect(index).to.equal(-1);
        timeline.push(step);
      }
    }
    for (const key of historyKeys) {
      const timeline = steps[key]?.sort((a, b) => a.at - b.at);
      expect(timeline).to.deep.equal(book.stepsAt(book.version, key));
    }
  }
  while (watchedUpTo() < book.version) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(own(watched).map(toText)).to.deep.equal(own(changes).map(toText));
}

type Sample = { readonly version: bigint; readonly key: number; readonly at: number };

function toSampleText(
  { version, key, at }: Sample,
  price: ReturnType<HistoryBook["priceAt"]>,
): string {
  const found = price && `${price.price} from ${price.from} until ${price.until}`;
  return `version ${version}, key ${key}, at ${at}: ${found}`;
}

/** Returns each version with each key at each instant at which something may change, and just before. */
function samplesOf(book: HistoryBook) {
  const instants = new Set<number>();
  for (const version of book.versions) {
    for (const key of historyKeys)
      for (const { at } of book.stepsAt(version, key)) instants.add(at);
  }
  const times = [...instants].flatMap((at) => [at - 1, at]);
  return book.versions.flatMap((version) =>
    historyKeys.flatMap((key) => times.map((at) => ({ version, key, at }))),
  );
}

/** Returns at most `count` items, spread over all of them. */
function everyNth<T>(items: readonly T[], count: number): readonly T[] {
  const every = Math.ceil((items.length + 1) / count);
  return items.filter((_, i) => i % every === every - 1);
}

async function orUndefined<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (ConnectError.from(error).code === Code.NotFound) return undefined;
    throw error;
  }
}

function toStep({ effectiveFrom, price }: LLMPriceRevision): Step {
  return { at: msOf(effectiveFrom) ?? 0, price: price ?? null };
}

function toText({ bookVersion, kind, key, revision }: LLMPriceChange): string {
  const { at, price } = toStep(revision as LLMPriceRevision);
  return `${bookVersion} ${RevisionChangeKind[kind]} ${key?.model} ${at} ${price}`;
}

type Times = { effectiveFrom?: Timestamp | undefined; effectiveUntil?: Timestamp | undefined };

function timesOf(times: Times | undefined) {
  return { from: msOf(times?.effectiveFrom) ?? 0, until: msOf(times?.effectiveUntil) };
}

function fromOf(when: number) {
  return when === 0 ? {} : { effectiveFrom: timestampFromMs(instantOf(when, 0)) };
}

function msOf(time: Timestamp | undefined): number | undefined {
  return time && timestampMs(time);
}

const missing = {
  keep: MissingPrices.KEEP,
  end: MissingPrices.END,
  replace: MissingPrices.REPLACE,
};
