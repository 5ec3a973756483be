import { Socket } from "node:net";
import { expect } from "chai";
import { beginning, frameType, http2Frame } from "../../e2e/support/http2-frames.js";
import { ClientAddresses } from "../../src/server/connections/client-addresses.js";
import { SessionQueue } from "../../src/server/connections/session-queue.js";

function repeat(count: number, bytes: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => bytes));
}

describe("The queue of sessions", () => {
  let nowMs: number;
  let started: string[];
  let queue: SessionQueue;
  beforeEach(() => {
    nowMs = 1_000_000;
    started = [];
    queue = new SessionQueue(new ClientAddresses(() => nowMs));
  });

  const enter = (name: string, address: string, bytes: number | Buffer = 0) => {
    const socket = new Socket();
    if (bytes !== 0) socket.unshift(typeof bytes === "number" ? Buffer.alloc(bytes, 1) : bytes);
    // Sessions of an earlier test can start during a later one.
    const startedByTest = started;
    queue.enter(socket, address, () => startedByTest.push(name));
    return socket;
  };
  const iterate = () => new Promise<void>((resolve) => setImmediate(resolve));

  it("starts a session at once, and others in the next iterations of the event loop", async () => {
    for (const name of ["a", "b", "c"]) enter(name, name);
    expect(started).to.deep.equal(["a"]);
    await iterate();
    expect(started).to.deep.equal(["a", "b"]);
    await iterate();
    expect(started).to.deep.equal(["a", "b", "c"]);
  });

  it("starts two sessions of an address, and others when their clients authenticate or 50 ms later", async () => {
    for (let count = 0; count < 6; count += 1) enter("a", "a");
    for (let iteration = 0; iteration < 3; iteration += 1) await iterate();
    expect(started).to.have.length(2);
    queue.clientAuthenticates("a");
    for (let iteration = 0; iteration < 3; iteration += 1) await iterate();
    expect(started).to.have.length(3);
    nowMs += 50;
    enter("b", "b");
    for (let iteration = 0; iteration < 4; iteration += 1) await iterate();
    expect(started).to.have.length(6);
  });

  it("starts sessions of several addresses in turn", async () => {
    enter("c", "c");
    for (const name of ["a", "a", "b", "b"]) enter(name, name);
    for (let iteration = 0; iteration < 4; iteration += 1) await iterate();
    expect(started).to.deep.equal(["c", "a", "b", "a", "b"]);
  });

  it("starts no session of an address between an abuse and the end of the pause", async () => {
    queue.recordAbuse("a");
    enter("a", "a");
    enter("b", "b");
    await iterate();
    expect(started).to.deep.equal(["b"]);
    nowMs += 250;
    // A session of another address starts, and then the one that may.
    enter("c", "c");
    await iterate();
    await iterate();
    expect(started).to.deep.equal(["b", "c", "a"]);
  });

  it("keeps a limited number of connections from an abused address, and destroys the others", () => {
    queue.recordAbuse("a");
    const sockets = Array.from({ length: 200 }, () => enter("a", "a"));
    const kept = sockets.filter(({ destroyed }) => !destroyed);
    // Three quarters of 128.
    expect(kept).to.have.length(96);
    expect(enter("b", "b").destroyed).to.equal(false);
    for (const socket of sockets) socket.destroy();
  });

  it("destroys connections above that number when an abuse is recorded while they wait", () => {
    const sockets = Array.from({ length: 200 }, () => enter("a", "a"));
    expect(sockets.filter(({ destroyed }) => destroyed)).to.have.length(0);
    queue.recordAbuse("a");
    // One has started.
    expect(sockets.filter(({ destroyed }) => !destroyed)).to.have.length(97);
    for (const socket of sockets) socket.destroy();
  });

  it("prefers a connection that has sent little", async () => {
    queue.recordAbuse("a");
    for (let count = 0; count < 20; count += 1) enter("flood", "a", 20_000);
    enter("quiet", "a", 100);
    nowMs += 250;
    enter("b", "b");
    await iterate();
    await iterate();
    expect(started).to.deep.equal(["b", "quiet"]);
  });

  it("replaces a connection that has sent much by one that has sent little", () => {
    queue.recordAbuse("a");
    const floods = Array.from({ length: 96 }, () => enter("flood", "a", 20_000));
    const quiet = enter("quiet", "a");
    expect(quiet.destroyed).to.equal(false);
    expect(floods.filter(({ destroyed }) => destroyed)).to.have.length(1);
    for (const socket of [...floods, quiet]) socket.destroy();
  });

  it("destroys a connection whose first bytes are a flood, and starts one with a large message", async () => {
    const reset = http2Frame(frameType.reset, 0, 1, Buffer.from([0, 0, 0, 8]));
    const data = http2Frame(frameType.data, 0, 1, Buffer.alloc(16_000, frameType.reset));
    const floods = repeat(1000, reset);
    queue.recordAbuse("a");
    queue.recordAbuse("b");
    const flood = enter("flood", "a", Buffer.concat([beginning, floods]));
    const large = enter("large", "b", Buffer.concat([beginning, data, data]));
    const received = large.readableLength;
    nowMs += 500;
    enter("c", "c");
    await iterate();
    await iterate();
    expect(started).to.deep.equal(["c", "large"]);
    expect([flood.destroyed, large.destroyed]).to.deep.equal([true, false]);
    expect(large.readableLength).to.equal(received);
    expect(queue.addresses.remainingPauseMs("a")).to.equal(500);
    large.destroy();
  });

  it("forgets a connection that closes while it waits", async () => {
    queue.recordAbuse("a");
    enter("a", "a").destroy();
    await iterate();
    nowMs += 250;
    enter("b", "b");
    await iterate();
    await iterate();
    expect(started).to.deep.equal(["b"]);
  });
});
