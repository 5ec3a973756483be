import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { bookVersionOf, byKey, freshPrice, textOf } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

/** The methods of one resource of the catalog. Models are those of the provider "acme". */
type Resource = {
  readonly create: (name: string, more?: object) => Promise<{ readonly bookVersion: bigint }>;
  readonly remove: (name: string, more?: object) => Promise<{ readonly bookVersion: bigint }>;
  readonly list: () => Promise<string[]>;
  readonly notFound: string;
  /** Pairs of a valid name and a similar invalid one. */
  readonly bounds: readonly (readonly [accepted: string, rejected: string])[];
};

let service: TestService;
const namesOf = (rows: readonly { readonly name: string }[]) => rows.map(({ name }) => name);
const provider = "acme";
const pageSize = 1000;

const resources: Readonly<Record<string, Resource>> = {
  ChargeType: {
    create: (name, more) => service.catalog.createChargeType({ name, ...more }),
    remove: (name, more) => service.catalog.deleteChargeType({ name, ...more }),
    async list() {
      const { chargeTypes } = await service.catalog.listChargeTypes({ pageSize });
      return namesOf(chargeTypes);
    },
    notFound: "CHARGE_TYPE_NOT_FOUND",
    bounds: [
      ["c".repeat(63), "c".repeat(64)],
      ["z_9", "9_z"],
      ["c", ""],
      ["low", "Low"],
      ["a_b", "a-b"],
    ],
  },
  Provider: {
    create: (name, more) => service.catalog.createProvider({ name, ...more }),
    remove: (name, more) => service.catalog.deleteProvider({ name, ...more }),
    async list() {
      const { providers } = await service.catalog.listProviders({ pageSize });
      return namesOf(providers);
    },
    notFound: "PROVIDER_NOT_FOUND",
    bounds: [
      ["p".repeat(63), "p".repeat(64)],
      ["9._-", "_9.-"],
      ["p", ""],
      ["low", "Low"],
      ["a.b", "a/b"],
    ],
  },
  Model: {
    create: (name, more) => service.catalog.createModel({ provider, name, ...more }),
    remove: (name, more) => service.catalog.deleteModel({ provider, name, ...more }),
    async list() {
      const { models } = await service.catalog.listModels({ provider, pageSize });
      return namesOf(models);
    },
    notFound: "MODEL_NOT_FOUND",
    bounds: [
      ["m".repeat(255), "m".repeat(256)],
      ["!", " "],
      ["~", "\x7f"],
      ["m", ""],
      ["a/B:c", "ä"],
    ],
  },
};

const startWithAcme = async () => {
  service = await startTestService();
  await service.catalog.createProvider({ name: provider });
};

/** Returns the code of a call's error, with its invalid fields or else its reason. */
const reasonOf = async (call: Promise<unknown>) => {
  const { code, reason, fields } = await errorOf(call);
  return fields.length > 0 ? { code, fields } : { code, reason };
};
const invalid = (...fields: readonly string[]) => ({ code: Code.InvalidArgument, fields });
const exists = { code: Code.AlreadyExists, reason: "NAME_ALREADY_EXISTS" };
const referenced = { code: Code.FailedPrecondition, reason: "STILL_REFERENCED" };

describe("CatalogService", () => {
  before(startWithAcme);
  after(() => service.stop());

  it("has the charge types completion, plugin and tool from the start", async () => {
    const { chargeTypes } = await service.catalog.listChargeTypes({});
    expect(namesOf(chargeTypes)).to.include.members(["completion", "plugin", "tool"]);
  });

  for (const [resource, { create, remove, list, notFound, bounds }] of Object.entries(resources)) {
    describe(`Create${resource}`, () => {
      for (const [accepted, rejected] of bounds) {
        const shown = encodeURI(rejected.slice(0, 5));
        const lengths = [accepted.length, rejected.length];
        it(`accepts ${accepted.slice(0, 5)} (${lengths[0]}), rejects ${shown} (${lengths[1]})`, async () => {
          await create(accepted);
          expect(await list()).to.include(accepted);
          expect(await reasonOf(create(rejected))).to.deep.equal(invalid("name"));
        });
      }

      it("is ALREADY_EXISTS for a name that is registered", async () => {
        await create("twice");
        expect(await reasonOf(create("twice"))).to.deep.equal(exists);
      });

      it("rejects all invalid fields at once", async () => {
        const call = create("", { reason: "r".repeat(1001), requestId: "1" });
        expect(await reasonOf(call)).to.deep.equal(invalid("name", "request_id", "reason"));
        await create("reasoned", { reason: "r".repeat(1000) });
      });
    });

    describe(`Delete${resource}`, () => {
      it("removes the name, which can then be registered again", async () => {
        await create("removed");
        await remove("removed");
        expect(await list()).not.to.include("removed");
        await create("removed");
      });

      it("is NOT_FOUND for a name that is not registered, and suggests the nearest", async () => {
        await create("nearest_1");
        await create("nearest_22");
        await create("nearest_333");
        const error = await errorOf(remove("nearest_"));
        expect(error).to.include({ code: Code.NotFound, reason: notFound });
        expect(error.metadata).to.include({
          ...{ name: "nearest_", nearest_1: "nearest_1" },
          ...{ nearest_2: "nearest_22", nearest_3: "nearest_333" },
        });
        expect(error.message).to.include("did you mean nearest_1, nearest_22, nearest_333?");
      });

      it("is NOT_FOUND the second time", async () => {
        await create("gone");
        await remove("gone");
        expect(await reasonOf(remove("gone"))).to.deep.equal({
          code: Code.NotFound,
          reason: notFound,
        });
      });

      it("rejects all invalid fields at once", async () => {
        const call = remove(" ", { reason: "\0", requestId: "1" });
        expect(await reasonOf(call)).to.deep.equal(invalid("name", "request_id", "reason"));
      });

      it("returns the book version, as Create does, and does not raise it", async () => {
        const { bookVersion } = await freshPrice(service, "1");
        expect((await create("version")).bookVersion).to.equal(bookVersion);
        expect((await remove("version")).bookVersion).to.equal(bookVersion);
        expect(await bookVersionOf(service.database)).to.equal(bookVersion);
      });
    });
  }

  describe("CreateChargeType", () => {
    it("returns the new charge type with its times, and does not overwrite it later", async () => {
      const earliest = Date.now();
      const request = { name: "described", description: "Tab\tand\nline" };
      const { chargeType } = await service.catalog.createChargeType(request);
      expect(chargeType).to.include(request);
      expect(Date.parse(textOf(chargeType?.createdAt) ?? "")).to.be.within(earliest, Date.now());
      expect(chargeType?.updatedAt).to.deep.equal(chargeType?.createdAt);
      const again = service.catalog.createChargeType({ ...request, description: "other" });
      expect(await reasonOf(again)).to.deep.equal(exists);
      const { chargeTypes } = await service.catalog.listChargeTypes({});
      expect(chargeTypes).to.deep.include(chargeType);
    });

    it("accepts a description of 1000 characters, and rejects 1001", async () => {
      const create = (name: string, description: string) =>
        service.catalog.createChargeType({ name, description });
      await create("d1000", "😀".repeat(1000));
      const call = create("d1001", "😀".repeat(1001));
      expect(await reasonOf(call)).to.deep.equal(invalid("description"));
    });
  });

  describe("CreateProvider", () => {
    it("accepts a display name of 200 characters, and rejects 201", async () => {
      const create = (name: string, displayName: string) =>
        service.catalog.createProvider({ name, displayName });
      const displayName = "😀".repeat(200);
      expect((await create("d200", displayName)).provider).to.include({ displayName });
      expect(await reasonOf(create("d201", `${displayName}.`))).to.deep.equal(
        invalid("display_name"),
      );
    });
  });

  describe("CreateModel", () => {
    it("is NOT_FOUND when the provider is not registered, and suggests the nearest", async () => {
      const error = await errorOf(service.catalog.createModel({ provider: "acne", name: "m" }));
      expect(error).to.include({ code: Code.NotFound, reason: "PROVIDER_NOT_FOUND" });
      expect(error.metadata).to.include({ name: "acne", nearest_1: "acme" });
    });

    it("distinguishes models by provider and by case", async () => {
      await service.catalog.createProvider({ name: "acme-2" });
      const twin = await service.catalog.createModel({ provider: "acme-2", name: "twin" });
      expect(twin.model).to.include({ provider: "acme-2", name: "twin" });
      await service.catalog.createModel({ provider, name: "twin" });
      await service.catalog.createModel({ provider, name: "Twin" });
    });
  });

  describe("Deletion is FAILED_PRECONDITION", () => {
    /** Tries to delete the model, the provider and the charge type of a key. */
    const deleteNames = async (chargeType: string, name: string) => [
      await reasonOf(service.catalog.deleteModel({ provider, name })),
      await reasonOf(service.catalog.deleteProvider({ name: provider })),
      await reasonOf(service.catalog.deleteChargeType({ name: chargeType })),
    ];

    it("of names that a price refers to", async () => {
      const { key } = await freshPrice(service, "1");
      const outcomes = await deleteNames(key.chargeType, key.model);
      expect(outcomes).to.deep.equal([referenced, referenced, referenced]);
    });

    it("of names that only a past price or a cancelled price refers to", async () => {
      for (const since of ["2020-01-01", "2100-01-01"]) {
        const { key } = await freshPrice(service, "1", new Date(since));
        await service.pricing.deleteLLMPrice({ lookup: byKey(key) });
        const outcomes = await deleteNames(key.chargeType, key.model);
        expect(outcomes).to.deep.equal([referenced, referenced, referenced]);
      }
    });

    it("of a provider that has a model, until the model is removed", async () => {
      await service.catalog.createProvider({ name: "owner" });
      await service.catalog.createModel({ provider: "owner", name: "m" });
      const remove = () => service.catalog.deleteProvider({ name: "owner" });
      expect(await reasonOf(remove())).to.deep.equal(referenced);
      await service.catalog.deleteModel({ provider: "owner", name: "m" });
      await remove();
    });
  });
});
