import { once } from "node:events";
import { connect, createServer } from "node:net";
import { expect } from "chai";
import type { Address } from "../../src/config/address.js";
import { listen, requireFreePort } from "../../src/server/connections/listen.js";

describe("The check that a port is free", () => {
  let address: Address;
  beforeEach(async () => {
    const server = createServer();
    address = await listen(server, { host: "127.0.0.1", port: 0 });
    server.close();
    await once(server, "close");
  });

  const outcomeOf = (check: Promise<void>) =>
    check.then(
      () => "free",
      (error: Error) => error.message,
    );

  it("accepts no connection, which it would have to reset", async () => {
    for (let i = 0; i < 20; i += 1) {
      const check = requireFreePort("GRPC_ADDR", address);
      while ((await Promise.race([check, "running"])) === "running") {
        const [error] = await once(connect(address), "error");
        expect(error).to.have.property("code", "ECONNREFUSED");
      }
    }
  });

  it("passes again and again, and leaves the port free", async () => {
    for (const host of ["127.0.0.1", "0.0.0.0", "localhost"]) {
      const { port } = address;
      expect(await outcomeOf(requireFreePort("GRPC_ADDR", { host, port })), host).to.equal("free");
    }
    const server = createServer();
    await listen(server, address);
    server.close();
  });

  it("fails when another program listens at the port", async () => {
    const server = createServer();
    await listen(server, address);
    for (const host of ["127.0.0.1", "0.0.0.0"]) {
      const outcome = await outcomeOf(requireFreePort("GRPC_ADDR", { ...address, host }));
      expect(outcome, host).to.include(`port ${address.port} is in use`);
    }
    server.close();
  });

  it("fails for an address that this machine does not have", async () => {
    const outcome = await outcomeOf(
      requireFreePort("GRPC_ADDR", { ...address, host: "192.0.2.1" }),
    );
    expect(outcome).to.match(
      /^GRPC_ADDR is 192\.0\.2\.1:\d+: cannot listen there: .*EADDRNOTAVAIL/,
    );
  });

  it("passes for port 0", async () => {
    expect(await outcomeOf(requireFreePort("OPS_ADDR", { ...address, port: 0 }))).to.equal("free");
  });
});
