import { randomUUID } from "node:crypto";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import type { LLMPriceRevision } from "../../../src/gen/llmprices/v1/llm_price_pb.js";
import { bookVersion } from "../../../src/store/timelines/timelines.js";
import { registerNames } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

/** A write that was sent, with the version or the error reason of its response. */
type Outcome = Write & { readonly version?: bigint; readonly reason?: string };
type Write = {
  readonly isTimeline: boolean;
  /** A repeat of a write has the same id. */
  readonly requestId: string;
  readonly send: () => Promise<{ readonly bookVersion: bigint }>;
};

describe("1,000 concurrent writes of all kinds, some of them repeated", function () {
  this.timeout(60_000);
  let service: TestService;
  let outcomes: Outcome[];
  const timelines: LLMPriceRevision[][] = [];

  before(async () => {
    service = await startTestService();
    for (const provider of providers) {
      for (const model of models) await registerNames(service, { provider, model });
    }
    // Half of the keys have a price: writes can delete only the names of the other half.
    for (const chargeType of chargeTypes) {
      for (const model of models)
        await service.pricing.createLLMPrice({ chargeType, provider: "acme", model, price: "1" });
    }
    const startMs = Date.now();
    const writes = Array.from({ length: 800 }, () => randomWrite(service, startMs));
    const repeats = writes.filter((_, i) => i % 4 === 0);
    const shuffled = [...writes, ...repeats].sort(() => Math.random() - 0.5);
    outcomes = await sendConcurrently(200, shuffled);
    const ids = await service.database.knex("llm_prices").pluck("id");
    for (const id of ids) {
      const lookup = { case: "id" as const, value: id };
      const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions({ lookup });
      timelines.push(llmPriceRevisions);
    }
  });
  after(() => service.stop());

  it("are rejected with documented reasons only", () => {
    const reasons = new Set(outcomes.flatMap(({ reason }) => reason ?? []));
    expect(documentedReasons).to.include.members([...reasons]);
  });

  it("write timelines and the catalog", () => {
    const written = outcomes.filter(({ version }) => version !== undefined);
    expect(written.filter(({ isTimeline }) => isTimeline)).to.have.length.greaterThan(150);
    expect(written.filter(({ isTimeline }) => !isTimeline)).to.have.length.greaterThan(10);
  });

  it("get consecutive versions, one for each write of a timeline", async () => {
    const versions = new Map<string, bigint>();
    for (const { isTimeline, requestId, version } of outcomes) {
      if (isTimeline && version !== undefined) versions.set(requestId, version);
    }
    const inOrder = [...versions.values()].sort((a, b) => Number(a - b));
    expect(inOrder).to.deep.equal(inOrder.map((_, i) => versionBefore + BigInt(i + 1)));
    expect(await bookVersion(service.database.knex)).to.equal(
      versionBefore + BigInt(inOrder.length),
    );
  });

  it("return the same version when repeated", () => {
    const versions = new Map<string, bigint>();
    for (const { requestId, version } of outcomes) {
      if (version === undefined) continue;
      expect(version).to.equal(versions.get(requestId) ?? version);
      versions.set(requestId, version);
    }
  });

  it("leave every timeline in order, and each revision ends where the next begins", () => {
    expect(timelines).to.have.length.greaterThan(10);
    for (const revisions of timelines) {
      const starts = revisions.flatMap(({ effectiveFrom }) =>
        effectiveFrom ? timestampMs(effectiveFrom) : [],
      );
      const ends = revisions.map(
        ({ effectiveUntil }) => effectiveUntil && timestampMs(effectiveUntil),
      );
      expect(starts).to.deep.equal([...new Set(starts)].sort((a, b) => a - b));
      expect(ends).to.deep.equal(revisions.map((_, i) => starts[i + 1]));
    }
  });

  it("leave no end at the start of a timeline, and no two ends in a row", () => {
    for (const revisions of timelines) {
      const prices = revisions.map(({ price }) => price ?? "end").join(" ");
      expect(prices).not.to.match(/^end|end end/);
    }
  });

  it("leave no revision with a higher book version than its key", async () => {
    const { rows } = await service.database.knex.raw(`
      select key.id from llm_prices key
      join llm_price_revisions revision on revision.llm_price_id = key.id
      group by key.id having max(revision.book_version) > key.book_version`);
    expect(rows).to.deep.equal([]);
  });
});

const documentedReasons = [
  "PRICE_ALREADY_EXISTS",
  "PRICE_NOT_FOUND",
  "REVISION_NOT_FOUND",
  "REVISION_IN_EFFECT",
  "CHARGE_TYPE_NOT_FOUND",
  "PROVIDER_NOT_FOUND",
  "MODEL_NOT_FOUND",
  "NAME_ALREADY_EXISTS",
  "STILL_REFERENCED",
  // A write with an effective_from in the near future was too late.
  "INVALID_FIELD",
];

const chargeTypes = ["completion", "tool"];
const providers = ["acme", "zeta"];
const models = ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8"];
/** The book version after the setup: one write for each key with a price. */
const versionBefore = BigInt(chargeTypes.length * models.length);
/** Distances of effective_from from the start. The first ones pass during the test. */
const delaysMs = [200, 500, 1000, 2000, 86_400_000, 172_800_000, 259_200_000];

function randomWrite({ pricing, catalog }: TestService, startMs: number): Write {
  const requestId = randomUUID();
  const [chargeType, provider, model] = [pick(chargeTypes), pick(providers), pick(models)];
  const lookup = { case: "key" as const, value: { chargeType, provider, model } };
  const price = pick(["0", "1", "1.25", "2"]);
  const effectiveFrom = timestampFromMs(startMs + pick(delaysMs));
  const created = { chargeType, provider, model, price, requestId };
  const changed = { lookup, requestId };
  const timelineWrites = [
    () => pricing.createLLMPrice(created),
    () => pricing.createLLMPrice({ ...created, effectiveFrom }),
    () => pricing.updateLLMPrice({ ...changed, price }),
    () => pricing.updateLLMPrice({ ...changed, price, effectiveFrom }),
    () => pricing.deleteLLMPrice(changed),
    () => pricing.deleteLLMPrice({ ...changed, effectiveFrom }),
    () => pricing.cancelLLMPriceRevision({ ...changed, effectiveFrom }),
  ];
  const named = { name: pick([provider, "spare"]), requestId };
  const typed = { name: pick([chargeType, "spare"]), requestId };
  const catalogWrites = [
    () => catalog.createModel({ provider, name: model, requestId }),
    () => catalog.deleteModel({ provider, name: model, requestId }),
    () => catalog.createProvider(named),
    () => catalog.deleteProvider(named),
    () => catalog.createChargeType(typed),
    () => catalog.deleteChargeType(typed),
  ];
  const isTimeline = Math.random() < 0.75;
  return { isTimeline, requestId, send: isTimeline ? pick(timelineWrites) : pick(catalogWrites) };
}

/** Sends all writes, `concurrency` at a time. */
async function sendConcurrently(concurrency: number, writes: readonly Write[]): Promise<Outcome[]> {
  const waiting = [...writes];
  const outcomes: Outcome[] = [];
  const sendNext = async () => {
    for (let write = waiting.pop(); write !== undefined; write = waiting.pop()) {
      outcomes.push(await outcomeOf(write));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, sendNext));
  return outcomes;
}

async function outcomeOf(write: Write): Promise<Outcome> {
  const call = write.send();
  const response = await call.catch(() => undefined);
  if (response !== undefined) return { ...write, version: response.bookVersion };
  return { ...write, reason: (await errorOf(call)).reason ?? "no reason" };
}

function pick<T>(choices: readonly T[]): T {
  const choice = choices[Math.floor(Math.random() * choices.length)];
  if (choice === undefined) throw new Error("nothing to pick from");
  return choice;
}
