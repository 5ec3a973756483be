import { expect } from "chai";
import { ClientAddresses, toClientAddress } from "../../src/server/connections/client-addresses.js";

describe("The addresses of clients", () => {
  let nowMs = 0;
  const create = (maxAddresses?: number) => new ClientAddresses(() => nowMs, maxAddresses);
  beforeEach(() => {
    nowMs = 1_000_000;
  });

  it("need no pause without abuse", () => {
    const addresses = create();
    expect(addresses.takeWastedCall("a")).to.equal(true);
    addresses.sessionStarts("a");
    expect(addresses.remainingPauseMs("a")).to.equal(0);
  });

  it("may waste 100 calls at once, and 10 more in each second", () => {
    const addresses = create();
    const take = () => addresses.takeWastedCall("a");
    for (let call = 0; call < 100; call += 1) expect(take()).to.equal(true);
    expect(take()).to.equal(false);
    expect(addresses.takeWastedCall("b")).to.equal(true);
    nowMs += 100;
    expect([take(), take()]).to.deep.equal([true, false]);
  });

  it("wait after each abuse twice as long as after the one before, up to 8 s", () => {
    const addresses = create();
    const pauses = Array.from({ length: 8 }, () => {
      addresses.recordAbuse("a");
      return addresses.remainingPauseMs("a");
    });
    expect(pauses).to.deep.equal([250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
    expect(addresses.remainingPauseMs("b")).to.equal(0);
  });

  it("wait between two sessions, and not when the pause is over", () => {
    const addresses = create();
    addresses.recordAbuse("a");
    nowMs += 249;
    expect(addresses.remainingPauseMs("a")).to.equal(1);
    nowMs += 1;
    expect(addresses.remainingPauseMs("a")).to.equal(0);
    addresses.sessionStarts("a");
    expect(addresses.remainingPauseMs("a")).to.equal(250);
  });

  it("wait half as long after 10 s without abuse, and no longer than a minute", () => {
    const addresses = create();
    for (let time = 0; time < 20; time += 1) addresses.recordAbuse("a");
    nowMs += 10_000;
    addresses.sessionStarts("a");
    expect(addresses.remainingPauseMs("a")).to.equal(4000);
    nowMs += 50_000;
    addresses.sessionStarts("a");
    expect(addresses.remainingPauseMs("a")).to.equal(0);
  });

  it("wait at most a second while an authenticated client is connected, and not after a new one", () => {
    const addresses = create();
    for (let time = 0; time < 6; time += 1) addresses.recordAbuse("a");
    addresses.clientAuthenticates("a");
    expect(addresses.remainingPauseMs("a")).to.equal(0);
    addresses.sessionStarts("a");
    expect(addresses.remainingPauseMs("a")).to.equal(1000);
    addresses.clientAuthenticates("a");
    addresses.authenticatedConnectionCloses("a");
    addresses.sessionStarts("a");
    expect(addresses.remainingPauseMs("a")).to.equal(1000);
    addresses.authenticatedConnectionCloses("a");
    expect(addresses.remainingPauseMs("a")).to.equal(8000);
  });

  it("are remembered up to a number: the one that was used least recently is forgotten", () => {
    const addresses = create(2);
    addresses.recordAbuse("a");
    addresses.recordAbuse("b");
    addresses.takeWastedCall("a");
    addresses.recordAbuse("c");
    expect(addresses.size).to.equal(2);
    expect(["a", "b", "c"].map((each) => addresses.remainingPauseMs(each))).to.deep.equal([
      250, 0, 250,
    ]);
  });

  const names: readonly (readonly [string | undefined, string])[] = [
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::6", "2001:db8:1:2::/64"],
    ["2001:db8::6", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    [undefined, "unknown"],
  ];
  for (const [remoteAddress, address] of names) {
    it(`are ${address} for ${remoteAddress}`, () => {
      expect(toClientAddress(remoteAddress)).to.equal(address);
    });
  }
});
