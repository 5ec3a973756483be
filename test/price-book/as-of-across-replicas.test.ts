import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import {
  type Applied,
  charge as calculateCharge,
  offloadedCalculations,
  toLine,
  untilAnswered,
} from "../support/book.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { byKey, freshPrice, type TestKey } from "../support/prices.js";
import { type DatabaseProxy, openProxy } from "../support/proxy.js";
import { errorOf } from "../support/received-errors.js";
import { startTestService, type TestService } from "../support/service.js";

const stalenessMs = 2500;
const calculations = { CalculateCharge: calculateCharge, ...offloadedCalculations };

describe("A replica without a working connection to the database, for a call with as_of", () => {
  let database: TestDatabase;
  let proxy: DatabaseProxy;
  /** A replica with a direct connection, which changes prices. */
  let peer: TestService;
  let isolated: TestService;

  before(async () => {
    database = await createTestDatabase();
    proxy = await openProxy(database.connection);
    peer = await startTestService({}, database);
    isolated = await startTestService(
      { maxBookStalenessMs: stalenessMs },
      { ...database, connection: proxy.connection },
    );
  });
  afterEach(() => {
    proxy.faults.isSilent = false;
    proxy.faults.rejectsConnections = false;
    proxy.cutConnections();
  });
  after(async () => {
    await Promise.all([peer.stop(), isolated.stop()]);
    proxy.close();
    await database.drop();
  });

  /** Faults of the connection between the isolated replica and the database. */
  const faults: Readonly<Record<string, () => void>> = {
    "receives nothing": () => {
      proxy.faults.isSilent = true;
    },
    "is disconnected": () => {
      proxy.faults.rejectsConnections = true;
      proxy.cutConnections();
    },
  };

  /** Creates a price of 1, and returns it with a charge by the isolated replica. */
  async function createPrice(): Promise<{ readonly key: TestKey; readonly known: Applied }> {
    const { key, bookVersion: minBookVersion } = await freshPrice(peer, "1", new Date(2020, 0));
    return {
      key,
      known: await untilAnswered(() => calculateCharge(isolated, key, { minBookVersion })),
    };
  }

  /** Changes the price to 2, and returns an `as_of` at which the peer has charged it. */
  async function raise(key: TestKey): Promise<string> {
    const { bookVersion: minBookVersion } = await peer.pricing.updateLLMPrice({
      ...{ lookup: byKey(key), price: "2" },
    });
    const { price, asOf } = await calculateCharge(peer, key, { minBookVersion });
    expect(price).to.equal("2");
    return new Date(asOf).toISOString();
  }

  for (const [fault, cause] of Object.entries(faults)) {
    it(`${fault}: rejects times whose price it may not know`, async () => {
      const { key } = await createPrice();
      cause();
      const asOf = await raise(key);
      const fresh = await freshPrice(peer, "1");
      const request = { minBookVersion: fresh.bookVersion };
      const known = await calculateCharge(peer, fresh.key, request);
      // All these calls wait at once for a read that confirms the price book.
      const afterTheChange = Object.entries(calculations).map(async ([name, calculate]) => {
        const error = await errorOf(calculate(isolated, key, { asOf }));
        expect(error, name).to.include({ code: Code.Unavailable, reason: "BOOK_STALE" });
        expect(error.metadata, name).to.deep.equal({ max_book_staleness_ms: `${stalenessMs}` });
      });
      const inABatchWithAFarTime = async () => {
        const requests = [asOf, farAhead()].map((each) => toLine(key, { asOf: each }));
        const error = await errorOf(isolated.pricing.batchCalculateCharges({ requests }));
        expect(error).to.include({ reason: "BOOK_STALE" });
      };
      const forAnUnknownKey = async () => {
        const time = new Date(known.asOf).toISOString();
        const error = await errorOf(calculateCharge(isolated, fresh.key, { asOf: time }));
        expect(error, "a key that the replica does not know").to.include({ reason: "BOOK_STALE" });
      };
      await Promise.all([...afterTheChange, inABatchWithAFarTime(), forAnUnknownKey()]);
    });

    it(`${fault}: delays the response until it knows the price`, async () => {
      const { key } = await createPrice();
      cause();
      const asOf = await raise(key);
      const waiting = calculateCharge(isolated, key, { asOf });
      // Calls for the current time do not wait.
      expect((await calculateCharge(isolated, key)).price).to.equal("1");
      proxy.faults.isSilent = false;
      proxy.faults.rejectsConnections = false;
      proxy.cutConnections();
      expect((await waiting).price).to.equal("2");
    });

    it(`${fault}: still charges for the current time, the past and the far future`, async () => {
      const { key, known } = await createPrice();
      cause();
      await raise(key);
      const past = new Date(known.asOf).toISOString();
      const startedAt = performance.now();
      expect(await calculateCharge(isolated, key, { asOf: past })).to.deep.equal(known);
      const now = await calculateCharge(isolated, key);
      expect((await calculateCharge(isolated, key, { asOf: farAhead() })).price).to.equal("1");
      expect(performance.now() - startedAt).to.be.below(stalenessMs);
      expect(now.price).to.equal("1");
      // This charge stays correct: its as_of is before the change.
      const again = await calculateCharge(peer, key, { asOf: new Date(now.asOf).toISOString() });
      expect(again.price).to.equal("1");
    });
  }
});

function farAhead(): string {
  return new Date(Date.now() + 2 * 24 * 3_600_000).toISOString();
}
