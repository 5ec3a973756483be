import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { createMetrics } from "../../../src/server/ops/metrics.js";
import { usagesOf } from "../../support/allocations.js";
import { lineOf } from "../../support/batches.js";
import { collectGarbage } from "../../support/garbage.js";
import { type KeptLog, keepLog } from "../../support/log.js";
import { until } from "../../support/metrics.js";
import { at, registerNames, type TestKey } from "../../support/prices.js";
import { quantities, rate } from "../../support/rate-cards.js";
import { startTestService, type TestService } from "../../support/service.js";

const scrape = async ({ server }: TestService) =>
  (await fetch(`http://${formatAddress(server.opsAddress)}/metrics`)).text();

/** Returns the value of a series, given as /metrics prints it. */
const seriesOf = async (service: TestService, series: string) => {
  const line = (await scrape(service)).split("\n").find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
};

describe("llmprices_charges_total", () => {
  let service: TestService;
  /** A provider that only this test uses, so that no other test changes its counts. */
  let provider: string;
  let key: TestKey;
  let models = 0;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());
  beforeEach(async () => {
    provider = `provider-${models}`;
    key = await createPrice("1.25");
  });

  const createPrice = async (price: string): Promise<TestKey> => {
    models += 1;
    const created = { chargeType: "completion", provider, model: `model-${models}` };
    await registerNames(service, created);
    const effectiveFrom = at("2020-01-01");
    await service.pricing.createLLMPrice({ ...created, price, effectiveFrom });
    return created;
  };

  const charges = (name: string, outcome: string) =>
    seriesOf(service, `llmprices_charges_total{provider="${name}",outcome="${outcome}"}`);
  const calculate = (terms: Partial<TestKey> = {}) =>
    service.pricing.calculateCharge(lineOf({ ...key, ...terms })).catch(() => {});

  // Runs first, because the other tests count unknown providers.
  it("has the series of unknown providers from the start, so that the first one is an increase", async () => {
    expect(await charges("unknown", "unpriced")).to.equal(0);
  });

  it("counts charges by provider", async () => {
    await calculate();
    await calculate();
    expect(await charges(provider, "charged")).to.equal(2);
    expect(await charges(provider, "free")).to.equal(0);
    expect(await charges(provider, "unpriced")).to.equal(0);
  });

  it("counts charges at a markup of 0 as free", async () => {
    await calculate(await createPrice("0"));
    expect(await charges(provider, "free")).to.equal(1);
    expect(await charges(provider, "charged")).to.equal(0);
  });

  it("counts calls without a price as unpriced, for registered providers by name", async () => {
    const unknown = await charges("unknown", "unpriced");
    await registerNames(service, { provider: "priceless", model: "m" });
    await calculate({ provider: "priceless", model: "m" });
    await calculate({ model: "no-such-model" });
    expect(await charges("priceless", "unpriced")).to.equal(1);
    expect(await charges(provider, "unpriced")).to.equal(1);
    expect(await charges("unknown", "unpriced")).to.equal(unknown);
  });

  it("counts all unregistered providers as unknown, however many there are", async () => {
    const requests = Array.from({ length: 1500 }, (_, i) =>
      lineOf({ ...key, provider: `nobody-${i}` }),
    );
    const unknown = Number(await charges("unknown", "unpriced"));
    await service.pricing.batchCalculateCharges({ requests });
    await until(async () => (await charges("unknown", "unpriced")) === unknown + 1500);
    expect(await scrape(service)).to.not.contain("nobody-");
  });

  it("counts each line of a batch, and an allocation once, when worker threads serve them", async () => {
    const free = await createPrice("0");
    const missing = { ...key, model: "no-such-model" };
    await service.pricing.batchCalculateCharges({
      requests: [key, key, free, missing, { ...key, model: "" }].map((each) => lineOf(each)),
    });
    const accountUsages = usagesOf({ a: "1", b: "2" });
    const terms = { ...key, providerCost: "1", currencyCode: "USD" };
    await service.pricing.allocateCharges({ terms, accountUsages });
    for await (const _ of service.pricing.streamAllocateCharges(
      (async function* () {
        yield { terms, accountUsages };
      })(),
    ));
    expect(await charges(provider, "charged")).to.equal(4);
    expect(await charges(provider, "free")).to.equal(1);
    expect(await charges(provider, "unpriced")).to.equal(1);
  });

  it("counts usage without a rate card, or without a rate, as unrated", async () => {
    const rated = (line: TestKey, counts: Parameters<typeof quantities>[0]) => {
      const { providerCost: _, currencyCode: __, ...terms } = lineOf(line);
      return { ...terms, usage: quantities(counts) };
    };
    const noCard = await createPrice("1");
    const rates = [rate("INPUT", "1")];
    const { provider: name, model } = key;
    await service.rates.createRateCard({ provider: name, model, currencyCode: "USD", rates });
    const calls = [
      rated(key, { INPUT: 1 }),
      rated(key, { OUTPUT: 1 }),
      rated(noCard, { INPUT: 1 }),
    ];
    for (const call of calls) await service.pricing.calculateCharge(call).catch(() => {});
    expect(await charges(provider, "charged")).to.equal(1);
    expect(await charges(provider, "unrated")).to.equal(2);
    await service.pricing.batchCalculateCharges({ requests: calls });
    const terms = { ...key, usage: quantities({ OUTPUT: 1 }) };
    const allocation = { terms, accountUsages: usagesOf({ a: "1" }) };
    await service.pricing.allocateCharges(allocation).catch(() => {});
    await until(async () => (await charges(provider, "unrated")) === 5);
    expect(await charges(provider, "charged")).to.equal(2);
  });

  it("leaves unverified names uncounted until the database responds, and does not wait for it", async () => {
    const unknown = Number(await charges("unknown", "unpriced"));
    await calculate({ provider: "nobody" });
    const { knex } = service.database;
    await knex.transaction(async (transaction) => {
      await transaction.raw("lock table providers in access exclusive mode");
      expect(await charges("unknown", "unpriced")).to.equal(unknown);
    });
    await until(async () => (await charges("unknown", "unpriced")) === unknown + 1);
  });
});

describe("Charges by prices with patterns", () => {
  let service: TestService;
  let kept: KeptLog;
  before(async () => {
    kept = keepLog();
    service = await startTestService({}, undefined, { log: kept.log });
    await registerNames(service, { provider: "acme", model: "known" });
    const everyone = { chargeType: "*", provider: "*", model: "*" };
    for (const key of [
      ...[everyone, { ...everyone, provider: "acme", model: "kn*" }],
      ...[{ ...everyone, accountId: "a", provider: "acme", model: "known" }],
      { ...everyone, priceList: "gold", provider: "acme" },
    ])
      await service.pricing.createLLMPrice({ ...key, price: "1" });
  });
  after(() => service.stop());
  const line = (provider: string, model: string, rest = {}) =>
    lineOf({ chargeType: "tool", provider, model }, rest);

  it("are counted by how specific the price is", async () => {
    const byLevel = (audience: string, model: string) =>
      seriesOf(
        service,
        `llmprices_charges_by_level_total{audience="${audience}",model="${model}"}`,
      );
    expect(await byLevel("account", "exact")).to.equal(0);
    await service.pricing.calculateCharge(line("acme", "known", { accountId: "a" }));
    await service.pricing.batchCalculateCharges({
      requests: [
        line("acme", "known"),
        line("acme", "known", { priceList: "gold" }),
        ...Array.from({ length: 3 }, () => line("acme", "other")),
      ],
    });
    expect(await byLevel("account", "exact")).to.equal(1);
    expect(await byLevel("everyone", "prefix")).to.equal(1);
    expect(await byLevel("list", "any")).to.equal(1);
    expect(await byLevel("everyone", "any")).to.equal(3);
    expect(await byLevel("everyone", "exact")).to.equal(0);
  });

  it("of models that are not registered are counted and logged, and others are not", async () => {
    const unregistered = (provider: string) =>
      seriesOf(service, `llmprices_unregistered_model_charges_total{provider="${provider}"}`);
    const before = (await unregistered("acme")) ?? 0;
    const requests = [
      ...[line("acme", "known"), line("acme", "knew")],
      ...[line("acme", "knew"), line("nobody", "known")],
    ];
    await service.pricing.batchCalculateCharges({ requests });
    expect(await unregistered("acme")).to.equal(before + 2);
    expect(await unregistered("unknown")).to.equal(1);
    expect(kept.text()).to.contain(
      '"models":[{"provider":"acme","model":"knew"},{"provider":"nobody","model":"known"}]',
    );
    await registerNames(service, { provider: "acme", model: "knew" });
    await service.pricing.batchCalculateCharges({ requests: requests.slice(0, 3) });
    expect(await unregistered("acme")).to.equal(before + 2);
  });

  it("of unregistered providers have no series of their own", async () => {
    await service.pricing.calculateCharge(line("invented", "model"));
    const charged = (provider: string) =>
      seriesOf(service, `llmprices_charges_total{provider="${provider}",outcome="charged"}`);
    expect(await charged("invented")).to.equal(undefined);
    expect(await charged("unknown")).to.be.above(0);
    expect(await charged("acme")).to.be.above(0);
  });
});

describe("/metrics", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService({ workerThreads: 2 });
  });
  after(() => service.stop());

  const value = (name: string) => seriesOf(service, name);

  it("shows the connections of the pool, and how many callers wait for one", async () => {
    const { knex } = service.database;
    expect(await value("llmprices_database_connections_max")).to.equal(20);
    const taken = await Promise.all(
      Array.from({ length: 20 }, () => knex.client.acquireConnection()),
    );
    const waiting = knex.client.acquireConnection();
    expect(await value("llmprices_database_connections_used")).to.equal(20);
    expect(await value("llmprices_database_connections_free")).to.equal(0);
    // The readiness check may wait as well.
    expect(await value("llmprices_database_pending_acquires")).to.be.within(1, 2);
    for (const connection of taken) await knex.client.releaseConnection(connection);
    await knex.client.releaseConnection(await waiting);
    await until(async () => (await value("llmprices_database_connections_used")) === 0);
    expect(await value("llmprices_database_connections_free")).to.be.above(0);
    expect(await value("llmprices_database_acquire_failures_total")).to.equal(0);
  });

  it("shows the running calls of the worker threads, and their maximum", async () => {
    expect(await value("llmprices_bulk_calls_max")).to.equal(160);
    expect(await value("llmprices_bulk_threads")).to.equal(0);
    await service.pricing.batchCalculateCharges({});
    expect(await value("llmprices_bulk_threads")).to.be.within(1, 2);
    await until(async () => (await value("llmprices_bulk_calls_in_flight")) === 0);
    expect(await value("llmprices_bulk_refusals_total")).to.equal(0);
  });

  it("shows the version and the readiness", async () => {
    const node = process.versions.node;
    expect(await value(`llmprices_build_info{version="0.1.0",node="${node}"}`)).to.equal(1);
    expect(await value("llmprices_ready")).to.equal(1);
  });

  it("shows the event loop and the garbage collector once per process", async () => {
    const other = await startTestService();
    const text = await scrape(other).finally(other.stop);
    expect(text.match(/^nodejs_eventloop_lag_p99_seconds /gm)).to.have.length(1);
    expect(text.match(/^process_cpu_seconds_total /gm)).to.have.length(1);
    expect(await scrape(service)).to.match(/^# TYPE nodejs_gc_duration_seconds histogram$/m);
  });

  it("frees the counters of a server that has stopped", async () => {
    const count = () => {
      const { registry, callStarts } = createMetrics({
        registeredProviders: async () => [],
        registeredModels: async () => [],
        onUnregistered: () => {},
      });
      callStarts("llmprices.v1.PricingService/CalculateCharge");
      return new WeakRef(registry);
    };
    const registry = count();
    await until(async () => {
      collectGarbage();
      return registry.deref() === undefined;
    });
  });
});
