import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectSecurely } from "node:tls";
import { create, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import { type Address, formatAddress } from "../../../src/config/address.js";
import { ListModelsRequestSchema } from "../../../src/gen/llmprices/v1/catalog_service_pb.js";
import { createTlsFiles } from "../../support/certificates.js";
import { until } from "../../support/metrics.js";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.js";
import { connections, startTestService, type TestService } from "../../support/service.js";

const listeners = ["grpcAddress", "httpAddress"] as const;
const modelsPerPage = 1000;

describe("A connection whose client has stopped reading the responses", function () {
  this.timeout(20_000);
  let database: TestDatabase;
  let files: ReturnType<typeof createTlsFiles>;
  let service: TestService | undefined;
  const stalled: Socket[] = [];
  before(async () => {
    files = createTlsFiles();
    database = await createTestDatabase();
    await database.knex("providers").insert({ name: "acme" });
    await database.knex.raw(
      `
      insert into models (provider, name)
      select 'acme', rpad(cast(i as text), 255, '-') from generate_series(1, ?) i`,
      [modelsPerPage],
    );
  });
  afterEach(async () => {
    for (const socket of stalled.splice(0)) socket.destroy();
    await service?.stop();
    service = undefined;
  });
  after(() => database.drop());

  const reasons = {
    "it reaches its maximum age": { maxConnectionAgeMs: 2000, maxConnectionAgeGraceMs: 500 },
    "it answers no ping": { keepaliveTimeMs: 500, keepaliveTimeoutMs: 1500 },
  };
  for (const [reason, limits] of Object.entries(reasons)) {
    for (const isEncrypted of [false, true]) {
      const how = isEncrypted ? "with TLS" : "in plain text";
      it(`is closed when ${reason}, ${how}, at both listeners`, async () => {
        const config = { connections: { ...connections, maxConnections: 1, ...limits } };
        service = await startTestService(
          { ...config, tls: isEncrypted ? files.tls : undefined },
          database,
        );
        const { server } = service;
        const ended = listeners.map(async (listener) => {
          const address = server[listener];
          stalled.push(await stall(address, isEncrypted));
          // The stalled connection takes the only place.
          expect(await hasPlace(address, isEncrypted), listener).to.equal(false);
          await until(() => hasPlace(address, isEncrypted));
        });
        await Promise.all(ended);
      });
    }
  }
});

/**
 * Requests more data than the sockets' buffers hold, and stops reading after the first of it. The
 * calls are cheap, so that the first response arrives long before the connection reaches its maximum
 * age.
 */
async function stall(address: Address, isEncrypted: boolean): Promise<Socket> {
  const request = create(ListModelsRequestSchema, { pageSize: modelsPerPage });
  const message = toBinary(ListModelsRequestSchema, request);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  const socket = isEncrypted
    ? connectSecurely({ ...address, ALPNProtocols: ["h2"], rejectUnauthorized: false })
    : connect(address);
  socket.on("error", () => {});
  await once(socket, isEncrypted ? "secureConnect" : "connect");
  const session = connectHttp2(`http://${formatAddress(address)}`, {
    settings: { initialWindowSize: largestWindow },
    createConnection: () => asDuplex(socket),
  });
  session.on("error", () => {});
  await once(session, "connect");
  session.setLocalWindowSize(largestWindow);
  const call = () => {
    const stream = session.request({
      ...{ ":method": "POST", ":path": "/llmprices.v1.CatalogService/ListModels" },
      ...{ "content-type": "application/grpc", te: "trailers" },
    });
    stream.on("error", () => {});
    stream.end(Buffer.concat([prefix, message]));
    return stream;
  };
  await once(call(), "data");
  // Requests more than 16 MiB.
  for (let calls = 0; calls < 60; calls += 1) call();
  socket.pause();
  return socket;
}

/** Wraps a socket in a stream. Node's client reads a plain socket itself, although it is paused. */
function asDuplex(socket: Socket): Duplex {
  const duplex = new Duplex({
    read: () => {},
    write: (chunk, _, done) => void socket.write(chunk, done),
  });
  socket.on("data", (chunk) => duplex.push(chunk));
  return duplex;
}

/** Returns whether the listener serves one more connection. */
function hasPlace(address: Address, isEncrypted: boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const url = `${isEncrypted ? "https" : "http"}://${formatAddress(address)}`;
    const session = connectHttp2(url, { rejectUnauthorized: false });
    session.on("error", () => {});
    session.once("remoteSettings", () => {
      resolve(true);
      session.destroy();
    });
    // The server closes a connection above its limit at once.
    session.once("close", () => resolve(false));
  });
}

const largestWindow = 2 ** 31 - 1;
