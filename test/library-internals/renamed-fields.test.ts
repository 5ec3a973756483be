import { once } from "node:events";
import { connect, createServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { Server } from "@grpc/grpc-js";
import { expect } from "chai";
import knexModule from "knex";
import { formatAddress } from "../../src/config/address.js";
import { drainSession } from "../../src/server/connections/graceful-goaway.js";
import { lineOf } from "../support/batches.js";
import { freshPrice } from "../support/prices.js";
import { startTestService, type TestService } from "../support/service.js";

describe("A service with a library that has renamed a private field", function () {
  this.timeout(30_000);
  let restore = () => {};
  afterEach(() => restore());

  it("answers calls: grpc-js without Server.handlers", async () => {
    restore = hide(Server.prototype, "handlers");
    expect((new Server() as unknown as { handlers: unknown }).handlers).to.equal(undefined);
    await expectCallsAndStop(await startTestService());
  });

  it("does not start: grpc-js without Server.http2Servers", async () => {
    restore = hide(Server.prototype, "http2Servers");
    const failure = await startTestService().catch((error: Error) => error);
    expect(failure).to.be.an("error");
    expect((failure as Error).message).to.match(/lacks "?Server.http2Servers/);
  });

  it("ends connections with Node's own GOAWAY: Node without Socket._handle", async () => {
    const withoutHandle = { writable: true } as Socket;
    const server = createServer();
    server.on("session", (session) => {
      session.once("remoteSettings", () => drainSession(session, withoutHandle, 100));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const lastStreamIds: number[] = [];
    session.on("goaway", (_, lastStreamId) => lastStreamIds.push(lastStreamId));
    await once(session, "close");
    // Our own GOAWAY would have arrived first, with the largest possible stream id.
    expect(new Set(lastStreamIds)).to.deep.equal(new Set([0]));
    server.close();
  });

  it("answers calls and reports 0 used connections: Knex without Client.pool", async () => {
    restore = hide(knexModule.Client.prototype, "pool");
    const service = await startTestService();
    const page = await fetch(`http://${formatAddress(service.server.opsAddress)}/metrics`);
    expect(await page.text()).to.include("llmprices_database_connections_used 0");
    await expectCallsAndStop(service);
  });
});

/** Expects that calls in all protocols succeed. Stops the service. */
async function expectCallsAndStop(service: TestService): Promise<void> {
  const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
  for (const { pricing } of Object.values(service.endpoints)) {
    const { accountCharge } = await pricing.calculateCharge(lineOf(key));
    expect(accountCharge).to.not.equal("");
  }
  await service.stop();
}

/**
 * Hides a field from our code, as if the library had renamed it. The library itself still reads it.
 * Returns a function that removes the disguise: objects that were created meanwhile lose the field, so the
 * test has closed them by then.
 */
function hide(prototype: object, field: string): () => void {
  const values = new WeakMap<object, unknown>();
  Object.defineProperty(prototype, field, {
    configurable: true,
    get() {
      const [, , caller = ""] = (new Error().stack ?? "").split("\n    at ");
      const isOurs = caller.includes(ours) || caller.includes(thisFile);
      return isOurs ? undefined : values.get(this);
    },
    set(value: unknown) {
      values.set(this, value);
    },
  });
  return () => void Reflect.deleteProperty(prototype, field);
}

const thisFile = fileURLToPath(import.meta.url);
const ours = fileURLToPath(new URL("../../src/", import.meta.url));
