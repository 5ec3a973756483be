import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { countsOf, importRows, rowOf, type TestImportMessage } from "../../support/imports.js";
import { callsEnded, callsInFlight, until } from "../../support/metrics.js";
import { bookVersionOf, byKey, freshKey, freshPrice, priceAt } from "../../support/prices.js";
import { errorOf, type ReceivedError } from "../../support/received-errors.js";
import {
  type Protocol,
  protocols,
  startTestService,
  type TestService,
} from "../../support/service.js";

const rpc = "ImportLLMPrices";
const since = new Date("2020-01-01");

describe("ImportLLMPrices and its client", function () {
  this.timeout(30_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  /** Sends an import that stays open until `end` or a deadline ends it. Returns its error. */
  const openImport = async (
    end: (client: AbortController) => Promise<unknown>,
    { protocol = "gRPC" as Protocol, headers = {} } = {},
  ) => {
    const key = await freshKey(service);
    const client = new AbortController();
    let close = () => {};
    const closed = new Promise<void>((resolve) => {
      close = resolve;
    });
    const messages = async function* (): AsyncGenerator<TestImportMessage> {
      yield { terms: {}, rows: [rowOf(key, "1")] };
      await closed;
    };
    const { pricing } = service.endpoints[protocol];
    const options = { signal: client.signal, headers };
    const error = errorOf(pricing.importLLMPrices(messages(), options));
    await until(async () => (await callsInFlight(service, rpc)) === 1);
    await end(client);
    const received: ReceivedError = await error;
    close();
    await until(async () => (await callsInFlight(service, rpc)) === 0);
    await until(async () => (await openTransactions(service)) === 0);
    expect(await priceAt(service, key)).to.equal(undefined);
    return received;
  };

  for (const protocol of protocols) {
    it(`writes nothing when the client cancels midway, through ${protocol}`, async () => {
      const before = await callsEnded(service, rpc, "canceled");
      const { code } = await openImport(async (client) => client.abort(), { protocol });
      expect(code).to.equal(Code.Canceled);
      expect(await callsEnded(service, rpc, "canceled")).to.equal(before + 1);
    });

    it(`is DEADLINE_EXCEEDED when its deadline passes while the client sends, ${protocol}`, async () => {
      // Sets the deadline by header only: the client library does not know it and ends no call.
      const headers: Record<string, string> = protocol.startsWith("Connect")
        ? { "connect-timeout-ms": "500" }
        : { "grpc-timeout": "500m" };
      const error = await openImport(async () => {}, { protocol, headers });
      expect(error.code).to.equal(Code.DeadlineExceeded);
    });
  }

  it("is UNAVAILABLE when its connection to the database breaks midway", async () => {
    const key = await freshKey(service);
    const messages = async function* (): AsyncGenerator<TestImportMessage> {
      yield { terms: {}, rows: [rowOf(key, "1")] };
      await until(async () => (await openTransactions(service)) === 1);
      // Retries until the connection is idle between two statements, and terminates it.
      await until(async () => {
        const { rows } = await service.database.knex.raw(`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and state = 'idle in transaction'`);
        return rows.length === 1;
      });
    };
    const { code, reason } = await errorOf(service.pricing.importLLMPrices(messages()));
    expect({ code, reason }).to.deep.equal({
      ...{ code: Code.Unavailable, reason: "DATABASE_UNAVAILABLE" },
    });
    expect(await priceAt(service, key)).to.equal(undefined);
    expect(countsOf(await importRows(service, [rowOf(key, "1")]))).to.equal("1 created");
  });
});

describe("ImportLLMPrices with concurrent writes", function () {
  this.timeout(60_000);
  let service: TestService;
  before(async () => {
    service = await startTestService({ workerThreads: 2 });
  });
  after(() => service.stop());

  it("creates each price once when two clients send the same import at once", async () => {
    const keys = await Promise.all(Array.from({ length: 50 }, () => freshKey(service)));
    const before = await bookVersionOf(service.database);
    const rows = keys.map((key) => rowOf(key, "1"));
    const responses = await Promise.all([
      importRows(service, rows),
      importRows(service, rows.toReversed()),
    ]);
    const counts = responses.map(countsOf).sort();
    expect(counts).to.deep.equal(["50 created", "50 unchanged"]);
    expect(await bookVersionOf(service.database)).to.equal(before + 1n);
  });

  it("applies the later of two different concurrent imports completely", async () => {
    const prices = await Promise.all(
      Array.from({ length: 50 }, () => freshPrice(service, "1", since)),
    );
    const list = (price: string) => prices.map(({ key }) => rowOf(key, price));
    const [two, three] = await Promise.all([
      importRows(service, list("2")),
      importRows(service, list("3")),
    ]);
    const last = two.bookVersion > three.bookVersion ? "2" : "3";
    for (const { key } of prices) expect(await priceAt(service, key)).to.equal(last);
  });

  it("succeeds with concurrent single writes to the same keys, each at its own version", async () => {
    const prices = await Promise.all(
      Array.from({ length: 20 }, () => freshPrice(service, "1", since)),
    );
    const before = await bookVersionOf(service.database);
    const imports = ["2", "3", "4"].map((price) =>
      importRows(
        service,
        prices.map(({ key }) => rowOf(key, price)),
      ),
    );
    const updates = prices.map(({ key }) =>
      service.pricing.updateLLMPrice({ lookup: byKey(key), price: "5" }),
    );
    const versions = (await Promise.all([...imports, ...updates])).map((each) => each.bookVersion);
    const expected = Array.from({ length: 23 }, (_, i) => before + BigInt(i) + 1n);
    expect(versions.sort((a, b) => Number(a - b))).to.deep.equal(expected);
  });

  it("does not block single writes while its rows are still being sent", async () => {
    const { key } = await freshPrice(service, "1", since);
    const other = await freshKey(service);
    const messages = async function* (): AsyncGenerator<TestImportMessage> {
      yield { terms: {}, rows: [rowOf(other, "1")] };
      await until(async () => (await openTransactions(service)) === 1);
      await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2" });
      yield { rows: [rowOf(key, "2")] };
    };
    const response = await service.pricing.importLLMPrices(messages());
    expect(countsOf(response)).to.equal("1 created, 1 unchanged");
  });
});

describe("ImportLLMPrices with a request_id", function () {
  this.timeout(20_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  it("replays the first response, even if the rows are in other messages, and writes nothing", async () => {
    const keys = [await freshKey(service), await freshKey(service), await freshKey(service)];
    const rows = keys.map((key) => rowOf(key, "1"));
    const terms = { requestId: randomUUID(), maxChanges: 2 };
    const first = await importRows(service, rows, terms, { size: 2 });
    const lookup = byKey(keys[0] ?? (await freshKey(service)));
    await service.pricing.updateLLMPrice({ lookup, price: "2" });
    const version = await bookVersionOf(service.database);
    const upper = { ...terms, requestId: terms.requestId.toUpperCase() };
    expect(await importRows(service, rows, upper, { size: 1 })).to.deep.equal(first);
    expect(await bookVersionOf(service.database)).to.equal(version);
  });

  for (const [what, change] of Object.entries({
    "another row": (rows: ReturnType<typeof rowOf>[]) => ({ rows: rows.slice(1), terms: {} }),
    "its rows in another order": (rows: ReturnType<typeof rowOf>[]) => ({
      ...{ rows: rows.toReversed(), terms: {} },
    }),
    "other terms": (rows: ReturnType<typeof rowOf>[]) => ({ rows, terms: { reason: "other" } }),
  })) {
    it(`is rejected with ${what}`, async () => {
      const rows = [rowOf(await freshKey(service), "1"), rowOf(await freshKey(service), "2")];
      const requestId = randomUUID();
      await importRows(service, rows, { requestId });
      const other = change(rows);
      const again = importRows(service, other.rows, { requestId, ...other.terms });
      expect(await errorOf(again)).to.include({
        ...{ code: Code.InvalidArgument, reason: "REQUEST_ID_REUSED" },
      });
    });
  }

  it("waits for a concurrent import with the same id, and returns the same response", async () => {
    const rows = [rowOf(await freshKey(service), "1")];
    const requestId = randomUUID();
    const [first, second] = await Promise.all([
      importRows(service, rows, { requestId }),
      importRows(service, rows, { requestId }),
    ]);
    expect(second).to.deep.equal(first);
  });

  it("can be used again after a rejected import and after one with validate_only", async () => {
    const key = await freshKey(service);
    const requestId = randomUUID();
    await errorOf(importRows(service, [rowOf(key, "x")], { requestId }));
    await importRows(service, [rowOf(key, "1")], { requestId, validateOnly: true });
    const response = await importRows(service, [rowOf(key, "1")], { requestId });
    expect(countsOf(response)).to.equal("1 created");
  });
});

async function openTransactions({ database }: TestService): Promise<number> {
  await wait(0);
  const { rows } = await database.knex.raw(`
    select pid from pg_stat_activity
    where datname = current_database() and state = 'idle in transaction'`);
  return rows.length;
}
