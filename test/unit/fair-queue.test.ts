import { setImmediate as nextIteration } from "node:timers/promises";
import { expect } from "chai";
import { FairQueue } from "../../src/async/fair-queue.js";
import { SharedPlaces } from "../../src/async/shared-places.js";

/** Takes places for the callers in turn while there are any. Returns how many each caller got. */
function fill(total: number, callers: readonly string[]): Record<string, number> {
  const places = new SharedPlaces(total);
  for (let isFull = false; !isFull; ) {
    isFull = true;
    for (const caller of callers) {
      if (!places.hasPlaceFor(caller)) continue;
      places.take(caller);
      isFull = false;
    }
  }
  return Object.fromEntries(callers.map((caller) => [caller, places.takenBy(caller)]));
}

describe("Places that callers share", () => {
  it("are at most three quarters taken by one caller", () => {
    expect(fill(2000, ["a"])).to.deep.equal({ a: 1500 });
    expect(fill(32, ["a"])).to.deep.equal({ a: 24 });
    expect(fill(4, ["a"])).to.deep.equal({ a: 3 });
    expect(fill(2, ["a"])).to.deep.equal({ a: 1 });
  });

  it("are divided equally between callers who want all, up to one place, and some stay free", () => {
    expect(fill(2000, ["a", "b"])).to.deep.equal({ a: 858, b: 857 });
    expect(fill(2000, ["a", "b", "c", "d"])).to.deep.equal({ a: 462, b: 462, c: 462, d: 461 });
  });

  it("are all available to many callers with one call each", () => {
    const callers = Array.from({ length: 20 }, (_, i) => `caller ${i}`);
    const taken = Object.values(fill(20, callers));
    expect(taken).to.deep.equal(callers.map(() => 1));
  });

  it("have room for a caller without any while one is free", () => {
    const places = new SharedPlaces(4);
    for (const caller of ["a", "a", "b"]) places.take(caller);
    expect(places.hasPlaceFor("c")).to.equal(true);
    places.take("c");
    expect(places.hasPlaceFor("d")).to.equal(false);
    places.release("a");
    expect(places.hasPlaceFor("d")).to.equal(true);
  });
});

describe("A queue of several callers' work", () => {
  const never = new AbortController().signal;

  /** Enters work under its name, and notes when it starts. */
  function enterAll(queue: FairQueue, names: readonly string[], started: string[]) {
    return Promise.all(
      names.map((name) => queue.enter(name.charAt(0), never).then(() => started.push(name))),
    );
  }

  it("starts the work of the callers in turn, and of each caller in order of arrival", async () => {
    const queue = new FairQueue(1, 100);
    const started: string[] = [];
    const all = enterAll(queue, ["a1", "a2", "a3", "a4", "b1", "b2", "c1"], started);
    for (let i = 0; i < 7; i += 1) {
      await nextIteration();
      queue.leave(started.at(-1)?.charAt(0) ?? "");
    }
    await all;
    expect(started).to.deep.equal(["a1", "a2", "b1", "c1", "a3", "b2", "a4"]);
    expect(queue.size).to.equal(0);
  });

  it("prefers the caller with the fewest running", async () => {
    const queue = new FairQueue(4, 100);
    const started: string[] = [];
    const all = enterAll(queue, ["a1", "a2", "a3", "a4", "a5", "b1", "b2"], started);
    await nextIteration();
    // The fourth place is for another caller.
    expect(started).to.deep.equal(["a1", "a2", "a3", "b1"]);
    queue.leave("a");
    await nextIteration();
    expect(started.at(-1)).to.equal("b2");
    for (const name of ["a", "a", "b", "b", "a", "a"]) queue.leave(name);
    await all;
    expect(queue.size).to.equal(0);
  });

  it("accepts what may run or wait, and no more of one caller than its share", async () => {
    const queue = new FairQueue(4, 28);
    const accepted = [];
    while (queue.accepts("a")) accepted.push(queue.enter("a", never));
    expect(accepted).to.have.length(3 + 21);
    expect(queue.sizeOf("a")).to.equal(24);
    expect(queue.accepts("b")).to.equal(true);
  });

  it("accepts new work beside any amount of resumed work of another caller, and starts it first", async () => {
    const queue = new FairQueue(4, 28);
    const started: string[] = [];
    const resumed = Array.from({ length: 100 }, () =>
      queue.resume("a", new AbortController().signal).then(() => started.push("a")),
    );
    expect(queue.sizeOf("a")).to.equal(100);
    await queue.enter("b", never);
    expect(queue.accepts("b")).to.equal(true);
    const second = queue.enter("b", never).then(() => started.push("b"));
    expect(queue.size).to.equal(102);
    queue.leave("a");
    await nextIteration();
    expect(started).to.deep.equal(["a", "a", "a", "b"]);
    queue.leave("b");
    for (let i = 0; i < 100; i += 1) {
      queue.leave(i === 0 ? "b" : "a");
      await nextIteration();
    }
    await Promise.all([...resumed, second]);
    expect(queue.size).to.equal(0);
  });

  it("forgets work whose signal aborts while it waits, and rejects with the reason", async () => {
    const queue = new FairQueue(1, 10);
    await queue.enter("a", never);
    const abort = new AbortController();
    const waiting = queue.enter("b", abort.signal);
    const reason = new Error("the client has gone");
    abort.abort(reason);
    expect(await waiting.catch((error) => error)).to.equal(reason);
    expect(await queue.enter("b", abort.signal).catch((error) => error)).to.equal(reason);
    expect(queue.size).to.equal(1);
    queue.leave("a");
    await queue.enter("c", never);
    expect(queue.size).to.equal(1);
  });
});
