import { randomUUID } from "node:crypto";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import type { Knex } from "knex";
import pg from "pg";
import { formatAddress } from "../../src/config/address.js";
import { CatalogService } from "../../src/gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { createDatabase } from "../../src/store/connection/pool.js";
import { migrateDown, migrateUp } from "../../src/store/schema/migrator.js";
import { usagesOf } from "../support/allocations.js";
import { lineOf } from "../support/batches.js";
import { countsOf, importRows, rowOf, sent } from "../support/imports.js";
import { at, byKey, type TestKey } from "../support/prices.js";
import { errorOf } from "../support/received-errors.js";
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

  describe("is enough", () => {
    const key: TestKey = { chargeType: "image", provider: "acme", model: "one" };
    const other: TestKey = { ...key, model: "two" };
    const [lookup, future] = [byKey(key), { effectiveFrom: at("2100-01-01") }];
    const terms = { ...key, providerCost: "100", currencyCode: "USD" };
    const accountUsages = usagesOf({ a: "1", b: "1", c: "1" });
    const requestId = randomUUID();
    const create = () => service.pricing.createLLMPrice({ ...key, price: "1.5", requestId });

    /** One story: each call needs what those before it have written. */
    const story: Readonly<Record<string, () => Promise<unknown>>> = {
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
      AllocateCharges: () => service.pricing.allocateCharges({ ...terms, accountUsages }),
      StreamAllocateCharges: async () => {
        const messages = sent([{ terms, accountUsages }]);
        for await (const _ of service.pricing.streamAllocateCharges(messages));
      },
      ImportLLMPrices: async () => {
        const rows = [rowOf(key, "1.75"), rowOf(other, "3")];
        const answer = await importRows(service, rows, { registerMissing: true });
        expect(countsOf(answer)).to.equal("1 created, 1 updated, 1 models");
      },
      ListLLMPrices: () => service.pricing.listLLMPrices({}),
      ListLLMPriceRevisions: () => service.pricing.listLLMPriceRevisions({ lookup }),
      DeleteLLMPrice: () => service.pricing.deleteLLMPrice({ lookup }),
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
    for (const [method, call] of Object.entries(story)) it(`for ${method}`, call);

    it("for every method that there is", () => {
      const methods = [PricingService, CatalogService].flatMap((each) => each.methods);
      expect(Object.keys(story)).to.have.members(methods.map(({ name }) => name));
    });

    it("for request ids that have expired", async () => {
      await database.admin("answered_requests").update({ created_at: "2020-01-01" });
      await service.catalog.createProvider({ name: "later", requestId: randomUUID() });
      expect(await database.admin("answered_requests").pluck("request_id")).to.have.length(1);
    });

    it("to be ready", async () => {
      const answer = await fetch(`http://${formatAddress(service.server.opsAddress)}/readyz`);
      expect(await answer.text()).to.equal("ready\n");
    });

    it("to cancel its own statements", async () => {
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

  describe("is refused", () => {
    const forbidden: Readonly<Record<string, string>> = {
      "to make a table": "create table prices_of_mine (price numeric)",
      "to make a schema": "create schema mine",
      "to drop a table": "drop table llm_prices",
      "to alter a table":
        "alter table llm_price_revisions drop constraint llm_price_revisions_pkey",
      "to switch triggers off": "alter table llm_price_revisions disable trigger user",
      "to pass triggers by": "set session_replication_role = 'replica'",
      "to put another function behind a trigger":
        "create or replace function keep_the_past() returns trigger language sql as 'select null'",
      "to truncate": "truncate answered_requests",
      "to change a revision": "update llm_price_revisions set price = 0",
      "to change who wrote a revision": "update llm_price_revisions set changed_by = 'nobody'",
      "to change a key": "update llm_prices set model = 'another'",
      "to remove a key": "delete from llm_prices",
      "to make another book": "insert into price_book (version) values (7)",
      "to remove the book": "delete from price_book",
      "to say who changed the book": "update price_book set changed_in = '1'",
      "to rename a provider": "update providers set name = 'another'",
      "to pretend that a migration ran": "insert into knex_migrations (name) values ('another')",
      "to see who migrates": "select * from knex_migrations_lock",
      "to read files of the server": "select pg_read_file('/etc/passwd')",
      "to run programs": "copy charge_types from program 'true'",
      "to become the owner": "set role llmprices_owner",
      "to make a role": "create role another",
    };
    for (const [what, sql] of Object.entries(forbidden)) {
      it(what, async () => {
        const named = sql.replace("llmprices_owner", String(database.owner.user));
        const refused = await knex.raw(named).catch((error) => error);
        expect(refused.code, refused.message).to.equal(insufficientPrivilege);
      });
    }

    it("to take the book's version back, or to skip one", async () => {
      for (const change of [-1, 2]) {
        const write = knex.raw("update price_book set version = version + ?", [change]);
        const { constraint } = await write.catch((error) => error);
        expect(constraint).to.equal("price_book_counts_one_by_one");
      }
    });

    it("to remove a revision that has taken effect", async () => {
      const { constraint } = await knex.raw("delete from llm_price_revisions").catch((e) => e);
      expect(constraint).to.equal("llm_price_revisions_keep_the_past");
    });
  });

  it("is unavailable, and no mystery, where a grant is missing", async () => {
    const right = "insert on providers";
    const role = String(database.service.user).replace(/_a$/, "");
    await database.admin.raw(`revoke ${right} from ${role}`);
    try {
      const refusal = await errorOf(service.catalog.createProvider({ name: "refused" }));
      expect(refusal).to.include({ code: Code.Unavailable, reason: "DATABASE_UNAVAILABLE" });
    } finally {
      await database.admin.raw(`grant ${right} to ${role}`);
    }
  });

  it("is granted something on every table but Knex's lock", async () => {
    const { rows } = await database.admin.raw(
      `
      select relname from pg_class
      where relnamespace = 'public'::regnamespace and relkind = 'r'
        and not has_table_privilege(:role, oid, 'select')`,
      { role: String(database.service.user) },
    );
    expect(rows).to.deep.equal([{ relname: "knex_migrations_lock" }]);
  });

  it("is the only one beside the owner that enters the database", async () => {
    const stranger = `${database.owner.user}_stranger`;
    await database.admin.raw(`create role ${stranger} login password 'secret'`);
    try {
      const client = new pg.Client({ ...database.service, user: stranger } as pg.ClientConfig);
      const { code } = await client.connect().catch((error) => error);
      expect(code).to.equal(insufficientPrivilege);
    } finally {
      await database.admin.raw(`drop role ${stranger}`);
    }
  });
});

describe("the role that owns the database", () => {
  it("rolls migrations back, and applies them again", async () => {
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
