import { setImmediate as nextIteration } from "node:timers/promises";
import { expect } from "chai";
import { CallTurns } from "../../src/server/connections/call-turns.js";

describe("The turns of calls", () => {
  let nowMs: number;
  let started: string[];
  let turns: CallTurns;
  beforeEach(() => {
    nowMs = 1_000_000;
    started = [];
    turns = new CallTurns(() => nowMs, 3);
  });

  type Options = {
    readonly isLate?: boolean;
    readonly ms?: number;
    readonly isGone?: () => boolean;
  };
  /** A call takes `ms` when it starts. */
  const enter = (
    caller: string,
    { isLate = false, ms = 0, isGone = () => false }: Options = {},
  ) => {
    const start = () => {
      started.push(caller);
      nowMs += ms;
    };
    turns.enter({ caller, start, isGone }, isLate);
  };
  const enterMany = (caller: string, count: number, options?: Options) => {
    for (let i = 0; i < count; i += 1) enter(caller, options);
  };
  const waste = (caller: string, count: number, errorReason = "TOO_MANY_CALLS") => {
    for (let i = 0; i < count; i += 1) turns.callEnds({ limitKey: caller, errorReason });
  };
  const count = (caller: string) => started.filter((each) => each === caller).length;

  it("start the calls of a single caller at once", () => {
    enterMany("a", 1000, { ms: 1 });
    expect(started).to.have.length(1000);
  });

  it("start a late call after the bytes that have arrived with it", async () => {
    enter("a", { isLate: true });
    expect(started).to.deep.equal([]);
    await nextIteration();
    expect(started).to.deep.equal(["a"]);
  });

  it("alternate between callers, and take a few milliseconds of an iteration", async () => {
    enter("b");
    enterMany("a", 100, { ms: 1 });
    enter("b");
    // Four calls of an iteration do not wait.
    expect(started).to.deep.equal(["b", "a", "a", "a", "a"]);
    await nextIteration();
    expect(started.slice(5, 7)).to.deep.equal(["a", "b"]);
    // 16 calls, although 3 ms have passed.
    expect(started.slice(5)).to.have.length(16);
    await nextIteration();
    expect(started.slice(21)).to.have.length(16);
    for (let i = 0; i < 5; i += 1) await nextIteration();
    expect(count("a")).to.equal(100);
  });

  it("start the calls of a caller in order", async () => {
    const order: number[] = [];
    enter("b");
    for (let i = 0; i < 20; i += 1) {
      turns.enter({ caller: "a", start: () => order.push(i), isGone: () => false }, false);
    }
    await nextIteration();
    expect(order).to.deep.equal(Array.from({ length: 20 }, (_, i) => i));
  });

  it("forget a call that its client cancels before its turn", async () => {
    enter("b");
    enterMany("a", 20, { isLate: true, isGone: () => true });
    enter("a", { isLate: true });
    await nextIteration();
    expect(started).to.deep.equal(["b", "a"]);
  });

  it("come to an end a second after the last call of another caller", () => {
    enter("b");
    enterMany("a", 4);
    nowMs += 1000;
    enterMany("a", 100);
    expect(count("a")).to.equal(104);
  });

  const wasteful = [
    ...["TOO_MANY_CALLS", "MEMORY_EXHAUSTED", "CANCELLED"],
    ...["DEADLINE_EXCEEDED", "MALFORMED_REQUEST"],
  ];
  for (const reason of wasteful) {
    it(`hold the calls of a caller that wastes many: ${reason}`, async () => {
      waste("a", 300, reason);
      enter("a");
      expect(started).to.deep.equal(["a"]);
      waste("a", 5, reason);
      enter("a");
      await nextIteration();
      expect(started).to.deep.equal(["a"]);
      // 20 ms for each call above the limit.
      nowMs += 99;
      enter("b", { isLate: true });
      await nextIteration();
      expect(started).to.deep.equal(["a", "b"]);
      nowMs += 1;
      enter("b", { isLate: true });
      await nextIteration();
      expect(count("a")).to.equal(2);
    });
  }

  it("hold calls for a second at most", async () => {
    waste("a", 10_000);
    enter("a");
    nowMs += 1000;
    enter("a");
    await nextIteration();
    expect(count("a")).to.equal(2);
  });

  it("start held calls without another one", async () => {
    turns = new CallTurns();
    waste("a", 302);
    enter("a");
    expect(started).to.deep.equal([]);
    while (started.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it("do not hold the calls of a caller for other errors", () => {
    waste("a", 1000, "PRICE_NOT_FOUND");
    enter("a");
    expect(started).to.deep.equal(["a"]);
  });

  it("let the answers to calls without a token wait, but no calls", () => {
    const waits = Array.from({ length: 303 }, () => turns.rejectionWaitMs("127.0.0.1"));
    expect(waits.slice(0, 300).every((ms) => ms === 0)).to.equal(true);
    expect(waits.slice(300)).to.deep.equal([20, 40, 60]);
    enter("address 127.0.0.1");
    expect(started).to.have.length(1);
    for (let i = 0; i < 1000; i += 1) turns.rejectionWaitMs("127.0.0.1");
    expect(turns.rejectionWaitMs("127.0.0.1")).to.equal(5000);
  });

  it("remember a limited number of callers", () => {
    waste("a", 305);
    for (const other of ["b", "c", "d"]) waste(other, 1);
    enter("a");
    expect(started).to.deep.equal(["a"]);
  });
});
