import { expect } from "chai";
import { createCallPlaces } from "../../src/server/calls/call-places.js";

describe("Places of running calls", () => {
  it("have room for another caller when all waiting calls of one resume at once", () => {
    const places = createCallPlaces(4);
    const waiting = Array.from({ length: 3 }, () => places.enter("a"));
    for (const place of waiting) place.pause();
    const running = Array.from({ length: 3 }, () => places.enter("a"));
    for (const place of waiting) void place.resume();

    const other = places.enter("b");
    expect(() => places.enter("a")).to.throw("this caller has 3");

    for (const place of [other, ...waiting, ...running]) place.leave();
    for (let i = 0; i < 3; i += 1) places.enter("a");
  });
});
