import { randomUUID } from "node:crypto";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import type { Knex } from "knex";
import pg from "pg";
import { formatAddress } from "../../src/config/address.js";
import { CatalogService } from "../../src/gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { RateService } from "../../src/gen/llmprices/v1/rate_service_pb.js";
import { createDatabase } from "../../src/store/connection/pool.js";
import { migrateDown, migrateUp } from "../../src/store/schema/migrator.js";
import { usagesOf } from "../support/allocations.js";
import { lineOf } from "../support/batches.js";
import { countsOf, importRows, rowOf, sent } from "../support/imports.js";
import { at, byKey, type TestKey } from "../support/prices.js";
import { importCards, quantities, rate } from "../support/rate-cards.js";
import { errorOf } from "../support/received-errors.js";
import { reprice } from "../support/repricing.js";
import { createGuardedDatabase, type GuardedDatabase } from "../support/roles.js";
import { startTestService, type TestService } from "../support/service.js";

describe("the role of the service", function () {
  this.timeout(30_000);
  let database: GuardedDatabase;
  let knex: Knex;
  let service: TestService;

  before(async () => {
    database = await createGuardedDatabase();
    const { service: connection } = database;
    knex = createDatabase({ connection, poolSize: 5, acquireTimeoutMs: 10_000 });
    service = await startTestService({}, { connection, knex, drop: database.drop });
  });
  after(async () => {
    await service?.stop();
    await knex?.destroy();
    await database?.drop();
  });

  describe("may", () => {
    const key: TestKey = { chargeType: "image", provider: "acme", model: "one" };
    const other: TestKey = { ...key, model: "two" };
    const [lookup, future] = [byKey(key), { effectiveFrom: at("2100-01-01") }];
    const terms = { ...key, providerCost: "100", currencyCode: "USD" };
    const accountUsages = usagesOf({ a: "1", b: "1", c: "1" });
    const requestId = randomUUID();
    const model = { provider: "acme", model: "one" };
    const card = { case: "key", value: model } as const;
    const usd = { currencyCode: "USD", source: "a list" };
    const usage = quantities({ INPUT: 1_000_000 });
    const create = () => service.pricing.createLLMPrice({ ...key, price: "1.5", requestId });

    /** A scenario: each call needs the data of the calls before it. */
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      CreateChargeType: () => service.catalog.createChargeType({ name: "image" }),
      CreateProvider: () => service.catalog.createProvider({ name: "acme" }),
      CreateModel: () => service.catalog.createModel({ provider: "acme", name: "one" }),
      CreateLLMPrice: async () => {
        const first = await create();
        expect(await create()).to.deep.equal(first);
      },
      GetLLMPrice: () => service.pricing.getLLMPrice({ lookup }),
      UpdateLLMPrice: () => service.pricing.updateLLMPrice({ lookup, price: "2", ...future }),
      CancelLLMPriceRevision: () => service.pricing.cancelLLMPriceRevision({ lookup, ...future }),
      CalculateCharge: async () => {
        const { bookVersion } = await service.pricing.updateLLMPrice({ lookup, price: "1.25" });
        const line = lineOf(key, { minBookVersion: bookVersion });
        const { accountCharge } = await service.pricing.calculateCharge(line);
        expect(accountCharge).to.equal("125");
      },
      BatchCalculateCharges: () =>
        service.pricing.batchCalculateCharges({ requests: [lineOf(key)] }),
      AllocateCharges: () => service.pricing.allocateCharges({ terms, accountUsages }),
      StreamAllocateCharges: async () => {
        const messages = sent([{ terms, accountUsages }]);
        for await (const _ of service.pricing.streamAllocateCharges(messages));
      },
      RepriceCharges: async () => {
        const draft = { rows: [rowOf(key, "9"), rowOf({ ...key, accountId: "a" }, "3")] };
        const { totals } = await reprice(service, draft, [lineOf(key)]);
        expect(totals).to.include({ changedPriceCount: 2n, changedLineCount: 1n });
      },
      ImportLLMPrices: async () => {
        const rows = [rowOf(key, "1.75"), rowOf(other, "3")];
        const response = await importRows(service, rows, { registerMissing: true });
        expect(countsOf(response)).to.equal("1 created, 1 updated, 1 models");
      },
      BatchUpsertLLMPrices: async () => {
        const rows = [rowOf(key, "1.75")];
        const { counts } = await service.pricing.batchUpsertLLMPrices({ terms: {}, rows });
        expect(counts?.unchangedCount).to.equal(1n);
      },
      ExplainLLMPrice: () => service.pricing.explainLLMPrice(key),
      ListLLMPrices: () => service.pricing.listLLMPrices({}),
      ListLLMPriceRevisions: () => service.pricing.listLLMPriceRevisions({ lookup }),
      ListLLMPriceChanges: () => service.pricing.listLLMPriceChanges({}),
      WatchLLMPriceChanges: async () => {
        for await (const { bookVersion } of service.pricing.watchLLMPriceChanges({})) {
          if (bookVersion !== undefined) break;
        }
      },
      DeleteLLMPrice: () => service.pricing.deleteLLMPrice({ lookup }),
      CreateRateCard: async () => {
        const rates = [rate("INPUT", "1", { hours: [{ start: "01:00", end: "02:00" }] })];
        await service.rates.createRateCard({ ...model, ...usd, rates });
      },
      UpdateRateCard: () =>
        service.rates.updateRateCard({ lookup: card, ...usd, rates: [rate("INPUT", "2")] }),
      GetRateCard: () => service.rates.getRateCard({ lookup: card }),
      ListRateCards: () => service.rates.listRateCards({}),
      ListRateCardRevisions: () => service.rates.listRateCardRevisions({ lookup: card }),
      ListRateCardChanges: () => service.rates.listRateCardChanges({}),
      WatchRateCardChanges: async () => {
        for await (const { bookVersion } of service.rates.watchRateCardChanges({})) {
          if (bookVersion !== undefined) break;
        }
      },
      RateUsage: async () => {
        const { providerCost } = await service.rates.rateUsage({ ...model, usage });
        expect(providerCost).to.equal("2");
      },
      ImportRateCards: async () => {
        const rows = ["2", "3"].map((text, i) => ({
          ...{ provider: "acme", model: `imported-${i}`, ...usd, rates: [rate("INPUT", text)] },
        }));
        const response = await importCards(service, rows, { registerMissing: true });
        expect(response.counts?.createdCount).to.equal(2n);
      },
      BatchRateUsage: () => service.rates.batchRateUsage({ requests: [{ ...model, usage }] }),
      CancelRateCardRevision: async () => {
        const effectiveFrom = at("2100-01-01");
        const rates = [rate("INPUT", "3")];
        await service.rates.updateRateCard({ lookup: card, ...usd, rates, effectiveFrom });
        await service.rates.cancelRateCardRevision({ lookup: card, effectiveFrom });
      },
      DeleteRateCard: () => service.rates.deleteRateCard({ lookup: card }),
      ListChargeTypes: () => service.catalog.listChargeTypes({}),
      ListProviders: () => service.catalog.listProviders({}),
      ListModels: () => service.catalog.listModels({ provider: "acme" }),
      DeleteChargeType: async () => {
        await service.catalog.createChargeType({ name: "spare" });
        await service.catalog.deleteChargeType({ name: "spare" });
      },
      DeleteModel: async () => {
        await service.catalog.createModel({ provider: "acme", name: "spare" });
        await service.catalog.deleteModel({ provider: "acme", name: "spare" });
      },
      DeleteProvider: async () => {
        await service.catalog.createProvider({ name: "spare" });
        await service.catalog.deleteProvider({ name: "spare" });
      },
    };
    for (const [method, call] of Object.entries(calls)) it(`call ${method}`, call);

    it("call every method", () => {
      const methods = [PricingService, CatalogService, RateService].flatMap((each) => each.methods);
      expect(Object.keys(calls)).to.have.members(methods.map(({ name }) => name));
    });

    it("delete expired request ids", async () => {
      await database.admin("answered_requests").update({ created_at: "2020-01-01" });
      await service.catalog.createProvider({ name: "later", requestId: randomUUID() });
      expect(await database.admin("answered_requests").pluck("request_id")).to.have.length(1);
    });

    it("read what /readyz checks", async () => {
      const response = await fetch(`http://${formatAddress(service.server.opsAddress)}/readyz`);
      expect(await response.text()).to.equal("ready\n");
    });

    it("cancel its own statements", async () => {
      await knex
        .raw("select pg_sleep(60)")
        .timeout(50, { cancel: true })
        .catch(() => {});
      const { rows } = await knex.raw(`
        select count(*)::int as asleep from pg_stat_activity where query like '%pg_sleep(60)'
          and state = 'active' and datname = current_database()`);
      expect(rows).to.deep.equal([{ asleep: 0 }]);
    });
  });

  describe("must not", () => {
    const forbidden: Readonly<Record<string, string>> = {
      "create a table": "create table prices_of_mine (price numeric)",
      "create a schema": "create schema mine",
      "drop a table": "drop table llm_prices",
      "alter a table": "alter table llm_price_revisions drop constraint llm_price_revisions_pkey",
      "disable triggers": "alter table llm_price_revisions disable trigger user",
      "skip triggers as a replica": "set session_replication_role = 'replica'",
      "replace the function of a trigger":
        "create or replace function keep_llm_price_revisions() returns trigger language sql as 'select null'",
      "truncate a table": "truncate answered_requests",
      "delete a revision": "delete from llm_price_revisions",
      "change a revision": "update llm_price_revisions set price = 0",
      "change who wrote a revision": "update llm_price_revisions set changed_by = 'nobody'",
      "change a key": "update llm_prices set model = 'another'",
      "delete a key": "delete from llm_prices",
      "create another price book": "insert into price_book (version) values (7)",
      "delete the price book": "delete from price_book",
      "set the transaction that changed the price book": "update price_book set changed_in = '1'",
      "rename a provider": "update providers set name = 'another'",
      "record a migration as applied": "insert into knex_migrations (name) values ('another')",
      "read the migration lock": "select * from knex_migrations_lock",
      "read files of the server": "select pg_read_file('/etc/passwd')",
      "run programs": "copy charge_types from program 'true'",
      "become the owner": "set role llmprices_owner",
      "create a role": "create role another",
    };
    for (const [action, sql] of Object.entries(forbidden)) {
      it(action, async () => {
        const statement = sql.replace("llmprices_owner", String(database.owner.user));
        const error = await knex.raw(statement).catch((error) => error);
        expect(error.code, error.message).to.equal(insufficientPrivilege);
      });
    }

    it("lower the version of the price book, or skip one", async () => {
      for (const change of [-1, 2]) {
        const write = knex.raw("update price_book set version = version + ?", [change]);
        const { constraint } = await write.catch((error) => error);
        expect(constraint).to.equal("price_book_counts_one_by_one");
      }
    });

    it("take back a revision that has taken effect, without saying that it corrects the past", async () => {
      const write = knex.raw("update llm_price_revisions set superseded_in = 1");
      const { constraint } = await write.catch((error) => error);
      expect(constraint).to.equal("llm_price_revisions_keep_the_past");
    });
  });

  it("makes a call UNAVAILABLE where a grant is missing", async () => {
    const privilege = "insert on providers";
    const role = String(database.service.user).replace(/_a$/, "");
    await database.admin.raw(`revoke ${privilege} from ${role}`);
    try {
      const error = await errorOf(service.catalog.createProvider({ name: "rejected" }));
      expect(error).to.include({ code: Code.Unavailable, reason: "DATABASE_UNAVAILABLE" });
    } finally {
      await database.admin.raw(`grant ${privilege} to ${role}`);
    }
  });

  it("may read every table except Knex's lock", async () => {
    const { rows } = await database.admin.raw(
      `
      select relname from pg_class
      where relnamespace = 'public'::regnamespace and relkind = 'r'
        and not has_table_privilege(:role, oid, 'select')`,
      { role: String(database.service.user) },
    );
    expect(rows).to.deep.equal([{ relname: "knex_migrations_lock" }]);
  });

  it("is the only role except the owner that can connect to the database", async () => {
    const other = `${database.owner.user}_other`;
    await database.admin.raw(`create role ${other} login password 'secret'`);
    try {
      const client = new pg.Client({ ...database.service, user: other } as pg.ClientConfig);
      const { code } = await client.connect().catch((error) => error);
      expect(code).to.equal(insufficientPrivilege);
    } finally {
      await database.admin.raw(`drop role ${other}`);
    }
  });
});

describe("the role that owns the database", () => {
  it("can roll migrations back and apply them again", async () => {
    const database = await createGuardedDatabase();
    try {
      const names = await migrateDown(database.owner);
      expect(await migrateUp(database.owner)).to.deep.equal(names.toReversed());
    } finally {
      await database.drop();
    }
  });
});

const insufficientPrivilege = "42501";
