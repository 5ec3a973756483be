import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import type { Knex } from "knex";
import { type Readiness, watchReadiness } from "../src/server/readiness.js";
import { createDatabase } from "../src/store/database.js";
import { createTestDatabase, type TestDatabase } from "./support/postgres.js";

describe("Readiness", () => {
  let database: TestDatabase;
  /** In front of the database, which so can fall silent with its connections open. */
  let server: Server;
  let sockets: Socket[];
  let isSilent: boolean;
  let knex: Knex;
  let readiness: Readiness;

  beforeEach(async () => {
    database = await createTestDatabase();
    sockets = [];
    isSilent = false;
    const { host, port } = database.connection;
    server = createServer((client) => {
      const upstream = connect(Number(port), String(host));
      sockets.push(client, upstream);
      client.on("data", (data) => !isSilent && upstream.write(data));
      upstream.on("data", (data) => !isSilent && client.write(data));
      for (const socket of [client, upstream]) socket.on("error", () => {});
      client.on("close", () => upstream.destroy());
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const connection = { ...database.connection, port: (server.address() as AddressInfo).port };
    knex = createDatabase({ connection, poolSize: 5, acquireTimeoutMs: 1000 });
    readiness = watchReadiness(
      knex,
      () => undefined,
      () => {},
      20,
    );
  });
  afterEach(async () => {
    readiness.drain();
    for (const socket of sockets) socket.destroy();
    await knex.destroy();
    server.close();
    await database.drop();
  });

  it("ends within two seconds when the database falls silent, and comes back with it", async () => {
    expect(await readiness.check()).to.equal(true);
    isSilent = true;
    const silentSince = performance.now();
    while (readiness.whyNot() === undefined) await wait(5);
    expect(readiness.whyNot()).to.equal("the database does not answer");
    expect(performance.now() - silentSince).to.be.within(1000, 3500);
    isSilent = false;
    while (readiness.whyNot() !== undefined) await wait(5);
  });

  it("asks a silent database with one connection at a time", async () => {
    isSilent = true;
    await readiness.check();
    expect(readiness.whyNot()).to.equal("the database does not answer");
    expect(knex.client.pool.numUsed() + knex.client.pool.numPendingCreates()).to.be.at.most(1);
    expect(sockets).to.have.length.at.most(4);
  });
});
