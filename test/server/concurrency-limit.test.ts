import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import type { Knex } from "knex";
import { formatAddress } from "../../src/config/address.js";
import { defaultSuggestionLimits } from "../../src/rpc/handlers/dependencies.js";
import { lineOf } from "../support/batches.js";
import { callsEnded, rejectedOffloadedCalls, until } from "../support/metrics.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { byKey, freshPrice, type TestKey } from "../support/prices.js";
import { errorOf, type ReceivedError } from "../support/received-errors.js";
import {
  type Endpoint,
  openEndpoints,
  protocols,
  startTestService,
  type TestService,
} from "../support/service.js";

/** Writes that wait until `release`, because another transaction locks the price book. */
type BlockedWrites = {
  readonly outcomes: Promise<"OK" | ReceivedError>[];
  readonly release: () => Promise<void>;
};

async function blockWrites(
  service: TestService,
  key: TestKey,
  count: number,
): Promise<BlockedWrites> {
  const other = await service.database.knex.transaction();
  await other.raw("select * from price_book for update");
  const outcomes = Array.from({ length: count }, (_, i) => {
    const { pricing } = service.endpoints[protocols[i % 4] ?? "gRPC"];
    const call = pricing.updateLLMPrice({ lookup: byKey(key), price: `${i + 1}` });
    return call.then(
      () => "OK" as const,
      () => errorOf(call),
    );
  });
  const release = async () => {
    await other.rollback();
    await Promise.all(outcomes);
  };
  return { outcomes, release };
}

async function writesInFlight({ knex }: { readonly knex: Knex }): Promise<number> {
  const { rows } = await knex.raw(`
    select from pg_stat_activity
    where datname = current_database() and query like '%change_llm_price%' and state = 'active'
      and pid <> pg_backend_pid()`);
  return rows.length;
}

type ErrorJson = { readonly code: string; readonly details: readonly { readonly type: string }[] };

const summaryOf = ({ code, reason, metadata }: ReceivedError) => ({ code, reason, metadata });

describe("More concurrent calls than MAX_CALLS_IN_FLIGHT", () => {
  let service: TestService;
  let key: TestKey;
  let blocked: BlockedWrites;
  before(async () => {
    service = await startTestService({ maxCallsInFlight: 4 });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
    await service.pricing.batchCalculateCharges({});
  });
  after(() => service.stop());
  beforeEach(async () => {
    blocked = await blockWrites(service, key, 3);
    await until(async () => (await writesInFlight(service.database)) === 3);
  });
  afterEach(() => blocked.release());

  for (const protocol of protocols) {
    it(`are RESOURCE_EXHAUSTED at once, with a retry delay, through ${protocol}`, async () => {
      const { pricing } = service.endpoints[protocol];
      const calls = [
        () => pricing.calculateCharge(lineOf(key)),
        () => pricing.getLLMPrice({ lookup: byKey(key) }),
        () => pricing.batchCalculateCharges({ requests: [lineOf(key)] }),
      ];
      for (const call of calls) {
        const error = await errorOf(call());
        expect(summaryOf(error)).to.deep.equal({
          ...{ code: Code.ResourceExhausted, reason: "TOO_MANY_CALLS" },
          metadata: { limit: "MAX_CALLS_IN_FLIGHT", most: "4", caller_has: "3" },
        });
        expect(error.retryAfterMs).to.be.within(500, 1500);
      }
      // It does not count as rejected by the worker threads.
      expect(await rejectedOffloadedCalls(service)).to.equal(0);
    });
  }

  it("are answered 429 over plain HTTP, with the error as JSON", async () => {
    const path = "llmprices.v1.PricingService/BatchCalculateCharges";
    const response = await fetch(`http://${formatAddress(service.server.httpAddress)}/${path}`, {
      ...{ method: "POST", body: "{}", headers: { "content-type": "application/json" } },
    });
    expect(response.status).to.equal(429);
    expect(response.headers.get("content-type")).to.equal("application/json");
    const { code, details } = (await response.json()) as ErrorJson;
    expect(code).to.equal("resource_exhausted");
    const types = details.map(({ type }) => type);
    expect(types).to.deep.equal(["google.rpc.ErrorInfo", "google.rpc.RetryInfo"]);
  });

  it("leave a place for another caller", async () => {
    const others = openEndpoints(service.server, { localAddress: "127.0.0.2" });
    for (const protocol of protocols) {
      const { accountCharge } = await others[protocol].pricing.calculateCharge(lineOf(key));
      expect(Number(accountCharge), protocol).to.be.at.least(100);
    }
  });

  it("are counted, and are served again after the running calls have ended", async () => {
    const counted = () => callsEnded(service, "CalculateCharge", "resource_exhausted");
    const before = await counted();
    await errorOf(service.pricing.calculateCharge(lineOf(key)));
    expect(await counted()).to.equal(before + 1);
    await blocked.release();
    expect(await Promise.all(blocked.outcomes)).to.deep.equal(["OK", "OK", "OK"]);
    const charges = Array.from({ length: 3 }, () => service.pricing.calculateCharge(lineOf(key)));
    expect(await Promise.all(charges)).to.have.length(3);
  });
});

describe("More concurrent writes than half of MAX_DATABASE_CALLS", () => {
  let database: TestDatabase;
  let service: TestService;
  let key: TestKey;
  before(async () => {
    // Four of the pool's connections write, and four more writes wait for them. One caller may have
    // three quarters of both.
    database = await createTestDatabase({ poolSize: 8, maxCalls: 16 });
    const config = { suggestionLimits: defaultSuggestionLimits };
    service = await startTestService(config, database);
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
    await service.pricing.batchCalculateCharges({});
  });
  after(async () => {
    await service.stop();
    await database.drop();
  });

  it("are rejected at once, and calculations and reads are answered meanwhile", async () => {
    const blocked = await blockWrites(service, key, 40);
    try {
      const rejected: ReceivedError[] = [];
      for (const outcome of blocked.outcomes) {
        void outcome.then((each) => each !== "OK" && rejected.push(each));
      }
      await until(() => rejected.length === 34);
      for (const error of rejected) {
        expect(summaryOf(error)).to.deep.equal({
          ...{ code: Code.ResourceExhausted, reason: "TOO_MANY_CALLS" },
          metadata: { limit: "MAX_DATABASE_CALLS", most: "8", caller_has: "6" },
        });
        expect(error.retryAfterMs).to.be.within(500, 1500);
      }
      for (const protocol of protocols) {
        const { pricing } = service.endpoints[protocol];
        expect((await pricing.calculateCharge(lineOf(key))).accountCharge).to.equal("100");
        expect((await pricing.getLLMPrice({ lookup: byKey(key) })).llmPrice?.price).to.equal("1");
        const { results } = await pricing.batchCalculateCharges({ requests: [lineOf(key)] });
        expect(results).to.have.length(1);
      }
    } finally {
      await blocked.release();
    }
    const outcomes = await Promise.all(blocked.outcomes);
    expect(outcomes.filter((outcome) => outcome === "OK")).to.have.length(6);
  });

  it("leave the other half to reads: a seventh read is rejected while six wait", async () => {
    // The test takes all connections of the pool.
    const connections = await Promise.all(
      Array.from({ length: 8 }, () => database.knex.client.acquireConnection()),
    );
    const reads = Array.from({ length: 6 }, () =>
      service.pricing.getLLMPrice({ lookup: byKey(key) }),
    );
    try {
      await until(() => database.knex.client.pool.numPendingAcquires() >= 6);
      expect(summaryOf(await errorOf(service.catalog.listProviders({})))).to.deep.equal({
        ...{ code: Code.ResourceExhausted, reason: "TOO_MANY_CALLS" },
        metadata: { limit: "MAX_DATABASE_CALLS", most: "8", caller_has: "6" },
      });
      // The error names no similar keys, because there is no free connection to find them.
      const missing = await errorOf(
        service.pricing.calculateCharge(lineOf({ ...key, model: "none" })),
      );
      expect(missing.reason).to.equal("PRICE_NOT_FOUND");
    } finally {
      for (const connection of connections) database.knex.client.releaseConnection(connection);
    }
    expect(await Promise.all(reads)).to.have.length(6);
  });
});

describe("Lists of more than 100 rows", () => {
  let database: TestDatabase;
  let service: TestService;
  let lock: Knex.Transaction;
  before(async () => {
    // Two of these lists run at a time, one of each caller, and two wait.
    database = await createTestDatabase({ poolSize: 8, maxCalls: 16 });
    service = await startTestService({}, database);
  });
  after(async () => {
    await service.stop();
    await database.drop();
  });
  beforeEach(async () => {
    lock = await database.knex.transaction();
    await lock.raw("lock table models in access exclusive mode");
  });
  afterEach(() => lock.rollback());

  const list = (pageSize: number, { catalog }: Pick<Endpoint, "catalog"> = service) => {
    const call = catalog.listModels({ pageSize });
    call.catch(() => {});
    return call;
  };
  const listsInFlight = async () => {
    const { rows } = await database.knex.raw(`
      select from pg_stat_activity
      where datname = current_database() and query like 'select%"models"%' and state = 'active'
        and pid <> pg_backend_pid()`);
    return rows.length;
  };

  for (const protocol of protocols) {
    it(`run one at a time for a caller, and smaller ones pass them: ${protocol}`, async () => {
      const endpoint = service.endpoints[protocol];
      const large = [list(101, endpoint), list(1000, endpoint)];
      await until(async () => (await listsInFlight()) === 1);
      const small = [list(100, endpoint), list(0, endpoint)];
      await until(async () => (await listsInFlight()) === 3);
      const other = openEndpoints(service.server, { localAddress: "127.0.0.2" })[protocol];
      const others = [list(1000, other), list(100, other)];
      await until(async () => (await listsInFlight()) === 5);
      await lock.rollback();
      expect(await Promise.all([...large, ...small, ...others])).to.have.length(6);
    });
  }

  it("are rejected at once when too many wait", async () => {
    const waiting = [list(1000), list(1000)];
    await until(async () => (await listsInFlight()) === 1);
    expect(summaryOf(await errorOf(list(1000)))).to.deep.equal({
      ...{ code: Code.ResourceExhausted, reason: "TOO_MANY_CALLS" },
      metadata: { limit: "MAX_DATABASE_CALLS", most: "4", caller_has: "2" },
    });
    await lock.rollback();
    expect(await Promise.all(waiting)).to.have.length(2);
  });
});
