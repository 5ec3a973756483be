import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { capTimeout } from "../../src/async/cap-timeout.js";
import { mapAsync } from "../../src/async/map-async.js";
import { createYieldTimer } from "../../src/async/yield-to-event-loop.js";

describe("capTimeout", () => {
  it("is the smaller one, and the limit where there is no timeout", () => {
    expect(capTimeout(10, 20)).to.equal(10);
    expect(capTimeout(20, 10)).to.equal(10);
    expect(capTimeout(undefined, 10)).to.equal(10);
    expect(capTimeout(0, 10)).to.equal(0);
  });
});

describe("mapAsync", () => {
  it("maps each item in order", async () => {
    const doubled: number[] = [];
    for await (const item of mapAsync([1, 2, 3], (each) => each * 2)) doubled.push(item);
    expect(doubled).to.deep.equal([2, 4, 6]);
  });

  it("ends the iterable when its reader stops", async () => {
    let isEnded = false;
    async function* items() {
      try {
        yield* [1, 2];
      } finally {
        isEnded = true;
      }
    }
    for await (const item of mapAsync(items(), (each) => each)) if (item === 1) break;
    expect(isEnded).to.equal(true);
  });
});

describe("createYieldTimer", () => {
  it("is due 5 ms after it was created or has yielded", async () => {
    const timer = createYieldTimer();
    expect(timer.isDue()).to.equal(false);
    await sleep(10);
    expect(timer.isDue()).to.equal(true);
    await timer.yield();
    expect(timer.isDue()).to.equal(false);
  });

  it("lets other work run while it yields", async () => {
    let hasRun = false;
    setImmediate(() => {
      hasRun = true;
    });
    await createYieldTimer().yield();
    expect(hasRun).to.equal(true);
  });
});
