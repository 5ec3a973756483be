import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { errorOf, garbageTokens } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

type Page = { readonly names: readonly string[]; readonly nextPageToken: string };

/** One list of the catalog. The list of models is that of the provider "tool". */
type List = {
  readonly create: (name: string) => Promise<unknown>;
  readonly remove: (name: string) => Promise<unknown>;
  readonly page: (request?: object) => Promise<Page>;
  readonly insertMany: string;
};

let service: TestService;
const provider = "tool";
const namesOf = (rows: readonly { readonly name: string }[]) => rows.map(({ name }) => name);
const manyNames = "select 'm' || lpad(n::text, 4, '0') as name from generate_series(1, 1001) n";

const lists = {
  ListChargeTypes: {
    create: (name) => service.catalog.createChargeType({ name }),
    remove: (name) => service.catalog.deleteChargeType({ name }),
    async page(request = {}) {
      const { chargeTypes, nextPageToken } = await service.catalog.listChargeTypes(request);
      return { names: namesOf(chargeTypes), nextPageToken };
    },
    insertMany: `insert into charge_types (name) ${manyNames}`,
  },
  ListProviders: {
    create: (name) => service.catalog.createProvider({ name }),
    remove: (name) => service.catalog.deleteProvider({ name }),
    async page(request = {}) {
      const { providers, nextPageToken } = await service.catalog.listProviders(request);
      return { names: namesOf(providers), nextPageToken };
    },
    insertMany: `insert into providers (name) ${manyNames}`,
  },
  ListModels: {
    create: (name) => service.catalog.createModel({ provider, name }),
    remove: (name) => service.catalog.deleteModel({ provider, name }),
    async page(request = {}) {
      const { models, nextPageToken } = await service.catalog.listModels({ provider, ...request });
      return { names: namesOf(models), nextPageToken };
    },
    insertMany: `insert into models (provider, name) select 'tool', name from (${manyNames}) many`,
  },
} satisfies Record<string, List>;

/** Returns the invalid fields that a call reports. */
const violationsOf = async (call: Promise<unknown>) => {
  const { code, reason, fields } = await errorOf(call);
  expect({ code, reason }).to.deep.equal({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
  return fields;
};

for (const [method, { create, remove, page, insertMany }] of Object.entries(lists)) {
  describe(method, () => {
    before(async () => {
      service = await startTestService();
    });
    after(() => service.stop());
    // Every list starts with the same three names.
    beforeEach(async () => {
      for (const table of ["models", "providers", "charge_types"]) {
        await service.database.knex(table).delete();
      }
      await service.catalog.createProvider({ name: provider });
      for (const name of ["completion", "plugin", "tool"]) await create(name).catch(() => {});
    });

    it("returns names in byte order", async () => {
      for (const name of ["aa", "a_z", "a1", "a"]) await create(name);
      const { names } = await page();
      expect(names).to.deep.equal(["a", "a1", "a_z", "aa", "completion", "plugin", "tool"]);
    });

    it("returns each name once, even if names are registered before and after the cursor", async () => {
      const first = await page({ pageSize: 2 });
      for (const name of ["a", "d", "q", "z"]) await create(name);
      const second = await page({ pageSize: 2, pageToken: first.nextPageToken });
      const third = await page({ pageSize: 2, pageToken: second.nextPageToken });
      expect([first, second, third].map(({ names }) => names)).to.deep.equal([
        ["completion", "plugin"],
        ["q", "tool"],
        ["z"],
      ]);
      expect(third.nextPageToken).to.equal("");
    });

    it("continues after a name that has been removed since", async () => {
      const { nextPageToken } = await page({ pageSize: 2 });
      await remove("plugin");
      expect((await page({ pageToken: nextPageToken })).names).to.deep.equal(["tool"]);
    });

    it("returns no next_page_token on a page that ends with the last name", async () => {
      expect((await page({ pageSize: 2 })).nextPageToken).not.to.equal("");
      expect((await page({ pageSize: 3 })).nextPageToken).to.equal("");
    });

    it("returns 100 names on a page by default, and at most 1000", async () => {
      await service.database.knex.raw(insertMany);
      const sizeFor = async (pageSize: number) => (await page({ pageSize })).names.length;
      expect(await sizeFor(0)).to.equal(100);
      expect(await sizeFor(1)).to.equal(1);
      expect(await sizeFor(1000)).to.equal(1000);
      expect(await sizeFor(1001)).to.equal(1000);
      expect(await sizeFor(2 ** 31 - 1)).to.equal(1000);
    });

    it("rejects a page_token of another list", async () => {
      const other = method === "ListProviders" ? lists.ListChargeTypes : lists.ListProviders;
      for (const name of ["a", "b"]) await other.create(name);
      const { nextPageToken: pageToken } = await other.page({ pageSize: 1 });
      expect(pageToken).not.to.equal("");
      expect(await violationsOf(page({ pageToken }))).to.deep.equal(["page_token"]);
    });

    it("rejects a page_token that no list has returned", async () => {
      for (const pageToken of garbageTokens((await page({ pageSize: 1 })).nextPageToken)) {
        const fields = await violationsOf(page({ pageToken }));
        expect(fields, pageToken.slice(0, 80)).to.deep.equal(["page_token"]);
      }
    });

    it("rejects a negative page_size, together with an invalid page_token", async () => {
      expect(await violationsOf(page({ pageSize: -1 }))).to.deep.equal(["page_size"]);
      const fields = await violationsOf(page({ pageSize: -1, pageToken: "x" }));
      expect(fields).to.have.members(["page_size", "page_token"]);
    });
  });
}

describe("ListModels of several providers", () => {
  before(async () => {
    service = await startTestService();
    for (const name of ["acme", "acme-2", "none"]) {
      await service.catalog.createProvider({ name });
    }
    await service.catalog.createModel({ provider: "acme-2", name: "A" });
    for (const name of ["a", "_", "B"]) {
      await service.catalog.createModel({ provider: "acme", name });
    }
  });
  after(() => service.stop());

  const list = (request: object) => service.catalog.listModels(request);
  const modelsOf = async (request: object) =>
    (await list(request)).models.map(({ provider, name }) => `${provider}/${name}`);

  it("returns all models in the byte order of provider and name, also over pages", async () => {
    const all = ["acme/B", "acme/_", "acme/a", "acme-2/A"];
    expect(await modelsOf({})).to.deep.equal(all);
    const { nextPageToken: pageToken } = await list({ pageSize: 2 });
    expect(await modelsOf({ pageToken })).to.deep.equal(all.slice(2));
  });

  it("returns only the models of the requested provider", async () => {
    expect(await modelsOf({ provider: "acme-2" })).to.deep.equal(["acme-2/A"]);
    expect(await modelsOf({ provider: "none" })).to.deep.equal([]);
    expect(await modelsOf({ provider: "unknown" })).to.deep.equal([]);
  });

  it("rejects a page_token of a list with another provider", async () => {
    const { nextPageToken: pageToken } = await list({ provider: "acme", pageSize: 1 });
    for (const other of [{}, { provider: "acme-2" }]) {
      expect(await violationsOf(list({ ...other, pageToken }))).to.deep.equal(["page_token"]);
    }
  });

  it("rejects a malformed provider, together with all other invalid fields", async () => {
    expect(await violationsOf(list({ provider: "A" }))).to.deep.equal(["provider"]);
    const fields = await violationsOf(list({ provider: "A", pageSize: -1, pageToken: "x" }));
    expect(fields).to.have.members(["provider", "page_size", "page_token"]);
  });
});
