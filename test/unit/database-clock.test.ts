import { expect } from "chai";
import fc from "fast-check";
import { createDatabaseClock } from "../../src/price-book/database-clock.js";

/** When the database's clock is read, the times of the way to it and back, and a time to ask. */
const anyRead = fc.record({
  afterMs: fc.integer({ min: 0, max: 2000 }),
  toServerMs: fc.integer({ min: 0, max: 900 }),
  fromServerMs: fc.integer({ min: 0, max: 900 }),
  askedAfterMs: fc.integer({ min: 0, max: 5000 }),
});
type Read = typeof anyRead extends fc.Arbitrary<infer R> ? R : never;
const anyReads = fc.array(anyRead, { minLength: 1, maxLength: 30 });
/** How much faster the database's clock runs than the process's. */
const anyDrift = fc.double({ min: -0.0009, max: 0.0009, noNaN: true });

describe("The database's clock in a replica", () => {
  const start = Date.UTC(2026, 0, 1);
  const maxAheadMs = 2000;

  /** Yields the clock and the database's own time, at each moment of some reads. */
  function* follow(reads: readonly Read[], drift: number) {
    const clock = createDatabaseClock(maxAheadMs);
    const databaseAt = (atMs: number) => start + atMs * (1 + drift);
    let atMs = 0;
    for (const { afterMs, toServerMs, fromServerMs, askedAfterMs } of reads) {
      const sentAtMs = atMs + afterMs;
      const receivedAtMs = sentAtMs + toServerMs + fromServerMs;
      const read = Math.floor(databaseAt(sentAtMs + toServerMs));
      let before = clock.now(receivedAtMs);
      clock.adjust(read, sentAtMs, receivedAtMs);
      for (const askedAtMs of [receivedAtMs, receivedAtMs + askedAfterMs]) {
        const now = clock.now(askedAtMs);
        yield { now, before, read, database: databaseAt(askedAtMs) };
        before = now;
      }
      atMs = receivedAtMs + askedAfterMs;
    }
  }

  it("is never ahead of the database, whatever the responses take and the clocks drift", () => {
    fc.assert(
      fc.property(anyReads, anyDrift, (reads, drift) => {
        for (const { now, database } of follow(reads, drift)) expect(now).to.be.at.most(database);
      }),
      { numRuns: 1000 },
    );
  });

  it("never runs backwards while the database's clock does not", () => {
    fc.assert(
      fc.property(anyReads, anyDrift, (reads, drift) => {
        let last = Number.NEGATIVE_INFINITY;
        for (const { now, before } of follow(reads, drift)) {
          expect(before).to.be.at.least(last);
          expect(now).to.be.at.least(before);
          last = now;
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("is not before the clock that was read, and follows it by what the response takes", () => {
    fc.assert(
      fc.property(anyReads, anyDrift, (reads, drift) => {
        for (const { now, read } of follow(reads, drift)) expect(now).to.be.at.least(read);
      }),
    );
  });

  it("stops two polls after the last read was sent, until the next read", () => {
    const clock = createDatabaseClock(maxAheadMs);
    clock.adjust(start, 1000, 1010);
    const last = clock.now(1000 + maxAheadMs);
    expect(last).to.be.within(start + 1900, start + 1990);
    expect(clock.now(1000 + maxAheadMs + 1)).to.equal(last);
    expect(clock.now(60_000)).to.equal(last);
    clock.adjust(start + 59_000, 60_000, 60_010);
    expect(clock.now(60_010)).to.be.within(start + 59_000, start + 59_010);
  });

  it("takes the clock of a response that is later than expected at once", () => {
    const clock = createDatabaseClock(maxAheadMs);
    clock.adjust(start, 0, 800);
    clock.adjust(start + 1800, 1000, 1001);
    expect(clock.now(1001)).to.equal(start + 1800);
  });

  it("goes back when the database's clock has been set back, and not when a response was slow", () => {
    const clock = createDatabaseClock(maxAheadMs);
    clock.adjust(start, 0, 10);
    clock.adjust(start + 1000, 1000, 2500);
    expect(clock.now(2500)).to.be.within(start + 2480, start + 2490);
    clock.adjust(start - 3_600_000, 3000, 3010);
    expect(clock.now(3010)).to.equal(start - 3_600_000);
    clock.adjust(start - 3_599_000, 4000, 4010);
    expect(clock.now(4010)).to.equal(start - 3_599_000);
  });
});
