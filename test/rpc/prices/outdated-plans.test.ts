import { setTimeout as wait } from "node:timers/promises";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import type { Knex } from "knex";
import { Decimal } from "../../../src/domain/decimal.js";
import { everyone } from "../../../src/domain/price-key.js";
import { planUpdate } from "../../../src/domain/timeline.js";
import { priceTimelines } from "../../../src/store/prices/price-timelines.js";
import { loadTimeline, saveChange } from "../../../src/store/timelines/timelines.js";
import { bookVersionOf, byKey, freshKey, freshPrice, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

describe("A write whose plan is outdated when the price book is locked", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  /** Starts a write while another transaction has the lock, does `meanwhile` in it, and commits. */
  const writeBehind = async <T>(
    write: () => Promise<T>,
    meanwhile: (transaction: Knex) => Promise<unknown>,
  ): Promise<T> => {
    const { knex } = service.database;
    const other = await knex.transaction();
    try {
      await other.raw("select * from raise_book_version()");
      const written = write();
      written.catch(() => undefined);
      const waiting = "datname = current_database() and wait_event_type = 'Lock'";
      while (!(await knex("pg_stat_activity").whereRaw(waiting).first())) await wait(5);
      await meanwhile(other);
      await other.commit();
      return await written;
    } finally {
      if (!other.isCompleted()) await other.rollback();
    }
  };
  const insertPrice = (id: string, price: number) => (transaction: Knex) =>
    transaction("llm_price_revisions").insert({ llm_price_id: id, price });
  const timelineOf = async (key: TestKey, showSuperseded = false) => {
    const request = { lookup: byKey(key), showSuperseded };
    const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions(request);
    return llmPriceRevisions.map(({ price }) => price ?? "end");
  };
  const soon = () => Date.now() + 500;
  const until = async (ms: number) => {
    while (Date.now() <= ms + 1) await wait(20);
  };

  it("follows a change of the same key, without loss of either", async () => {
    const { key, id } = await freshPrice(service, "1");
    const { llmPrice, bookVersion } = await writeBehind(
      () => service.pricing.updateLLMPrice({ lookup: byKey(key), price: "3" }),
      insertPrice(id, 2),
    );
    expect(await timelineOf(key)).to.deep.equal(["1", "2", "3"]);
    expect(bookVersion).to.equal(await bookVersionOf(service.database));
    const { llmPrice: read } = await service.pricing.getLLMPrice({ lookup: byKey(key) });
    expect(llmPrice).to.deep.equal(read);
  });

  it("is ABORTED when its etag is no longer current", async () => {
    const { key, id, etag } = await freshPrice(service, "1");
    const write = () => service.pricing.updateLLMPrice({ lookup: byKey(key), price: "3", etag });
    const { reason } = await errorOf(writeBehind(write, insertPrice(id, 2)));
    expect(reason).to.equal("ETAG_MISMATCH");
    expect(await timelineOf(key)).to.deep.equal(["1", "2"]);
  });

  it("is NOT_FOUND when the price has ended", async () => {
    const { key, id } = await freshPrice(service, "1");
    const write = () => service.pricing.updateLLMPrice({ lookup: byKey(key), price: "3" });
    const end = (transaction: Knex) =>
      transaction("llm_price_revisions").insert({ llm_price_id: id, price: null });
    expect((await errorOf(writeBehind(write, end))).reason).to.equal("PRICE_NOT_FOUND");
    expect(await timelineOf(key)).to.deep.equal(["1", "end"]);
  });

  it("is ALREADY_EXISTS when its key was created, and names the key's id", async () => {
    const key = await freshKey(service);
    let id = "";
    const create = async (transaction: Knex) => {
      const { chargeType: charge_type, provider, model } = key;
      [{ id }] = await transaction("llm_prices").insert({ charge_type, provider, model }, "id");
      await insertPrice(id, 2)(transaction);
    };
    const write = () => service.pricing.createLLMPrice({ ...key, price: "1" });
    const error = await errorOf(writeBehind(write, create));
    expect(error.reason).to.equal("PRICE_ALREADY_EXISTS");
    expect(error.metadata).to.deep.include({ llm_price_id: id });
  });

  it("does not take back a scheduled price that has taken effect", async () => {
    const { key } = await freshPrice(service, "1");
    const at = soon();
    const effectiveFrom = timestampFromMs(at);
    await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2", effectiveFrom });
    await writeBehind(
      () => service.pricing.deleteLLMPrice({ lookup: byKey(key) }),
      () => until(at),
    );
    expect(await timelineOf(key, true)).to.deep.equal(["1", "2", "end"]);
  });

  it("is INVALID_ARGUMENT when its effective_from has passed", async () => {
    const { key } = await freshPrice(service, "1");
    const at = soon();
    const effectiveFrom = timestampFromMs(at);
    const write = () =>
      service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2", effectiveFrom });
    const behind = writeBehind(write, async (transaction) => {
      await until(at);
      await transaction.raw("select 1");
    });
    const { code, fields } = await errorOf(behind);
    expect({ code, fields }).to.deep.equal({
      ...{ code: Code.InvalidArgument, fields: ["effective_from"] },
    });
    expect(await timelineOf(key)).to.deep.equal(["1"]);
  });

  it("leaves a limit on how long its transaction may be idle, since others wait for it", async () => {
    const { key } = await freshPrice(service, "1");
    const limit = await service.database.knex.transaction(async (transaction) => {
      const timeline = await loadTimeline(
        transaction,
        priceTimelines,
        { ...everyone, ...key },
        {
          correctsPast: false,
        },
      );
      if (timeline === undefined) throw new Error("the key is missing");
      const change = planUpdate(timeline, new Decimal("2"));
      const author = { changedBy: "a", reason: "" };
      if (change !== undefined) {
        await saveChange(transaction, priceTimelines, timeline, change, undefined, author);
      }
      const { rows } = await transaction.raw("show idle_in_transaction_session_timeout");
      return rows[0].idle_in_transaction_session_timeout as string;
    });
    expect(limit).to.equal("5s");
  });

  it("is rejected when the price book is locked for longer than its function may wait", async () => {
    const { key, id } = await freshPrice(service, "1");
    const { knex } = service.database;
    const other = await knex.transaction();
    await other.raw("select * from price_book for update");
    const change = knex.raw(
      `select * from change_llm_price(?, null, 1, now(), false, '{}', true, null, 'a', '', 50, 2)`,
      [id],
    );
    const { code } = await change.catch((error) => error);
    await other.rollback();
    expect(code).to.equal("55P03");
    expect(await timelineOf(key)).to.deep.equal(["1"]);
  });
});
