import { getEventListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { raceAbort } from "../../src/async/race-abort.js";

const errorOf = (promise: Promise<unknown>) => promise.then(undefined, (error: unknown) => error);

describe("raceAbort", () => {
  it("settles as the work does, and removes its listener", async () => {
    const { signal } = new AbortController();
    const failure = new Error("failed");
    expect(await raceAbort(Promise.resolve(1), signal)).to.equal(1);
    expect(await errorOf(raceAbort(Promise.reject(failure), signal))).to.equal(failure);
    expect(getEventListeners(signal, "abort")).to.have.length(0);
  });

  it("rejects with the signal's reason when the signal aborts first", async () => {
    const controller = new AbortController();
    const race = raceAbort(new Promise(() => {}), controller.signal);
    controller.abort(new Error("gone"));
    expect(await errorOf(race)).to.equal(controller.signal.reason);
  });

  it("rejects when the signal has aborted already, whatever the work comes to", async () => {
    const signal = AbortSignal.abort(new Error("gone"));
    expect(await errorOf(raceAbort(Promise.resolve(1), signal))).to.equal(signal.reason);
    expect(await errorOf(raceAbort(Promise.reject(new Error()), signal))).to.equal(signal.reason);
  });

  it("ignores work that fails after the abort", async () => {
    const controller = new AbortController();
    let fail = (_: Error) => {};
    const work = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const race = errorOf(raceAbort(work, controller.signal));
    controller.abort(new Error("gone"));
    fail(new Error("too late"));
    // An unhandled rejection would fail this run.
    await sleep(0);
    expect(await race).to.equal(controller.signal.reason);
  });
});
