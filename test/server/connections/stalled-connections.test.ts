import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectSecurely } from "node:tls";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import { type Address, formatAddress } from "../../../src/config/address.js";
import { BatchCalculateChargesRequestSchema } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { lineOf } from "../../support/batches.js";
import { createTlsFiles } from "../../support/certificates.js";
import { until } from "../../support/metrics.js";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { connections, startTestService } from "../../support/service.js";

/** The doors, and what goes through the other one. */
const doors = [
  ["grpcAddress", "Connect"],
  ["httpAddress", "gRPC"],
] as const;

describe("A connection whose caller has stopped reading its answers", function () {
  this.timeout(20_000);
  let database: TestDatabase;
  let key: TestKey;
  before(async () => {
    database = await createTestDatabase();
    const other = await startTestService({}, database);
    ({ key } = await freshPrice(other, "1", new Date("2020-01-01")));
    await other.stop();
  });
  after(() => database.drop());

  const files = createTlsFiles();
  const reasons = {
    "its age is up": { maxConnectionAgeMs: 3000, maxConnectionAgeGraceMs: 500 },
    "it answers no ping": { keepaliveTimeMs: 500, keepaliveTimeoutMs: 500 },
  };
  for (const [door, through] of doors) {
    for (const [reason, limits] of Object.entries(reasons)) {
      for (const { how, ...secrets } of [{ how: "in plain text" }, { how: "with TLS", ...files }]) {
        it(`is ended when ${reason}, ${how}, at ${door}`, async () => {
          const config = { connections: { ...connections, maxConnections: 1, ...limits } };
          const { tls, trust } = secrets as Partial<typeof files>;
          const credentials = trust === undefined ? {} : { tls: trust };
          const service = await startTestService({ ...config, tls }, database, credentials);
          // Starts a thread, which takes longer than all else here.
          await service.endpoints[through].pricing.batchCalculateCharges({});
          const address = service.server[door];
          const stalled = await stall(address, key, tls !== undefined);
          // There is one place, and it is taken.
          expect(await hasPlace(address)).to.equal(false);
          await until(() => hasPlace(address));
          stalled.destroy();
          await service.stop();
        });
      }
    }
  }
});

/** Asks for more than the sockets' buffers hold, and reads nothing from when the first of it comes. */
async function stall(address: Address, key: TestKey, isEncrypted: boolean): Promise<Socket> {
  const request = create(BatchCalculateChargesRequestSchema, {
    requests: Array.from({ length: 10_000 }, () => lineOf(key)),
  });
  const message = gzipSync(toBinary(BatchCalculateChargesRequestSchema, request));
  const prefix = Buffer.from([compressed, 0, 0, 0, 0]);
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
  const ask = () => {
    const stream = session.request({
      ...{ ":method": "POST", ":path": "/llmprices.v1.PricingService/BatchCalculateCharges" },
      ...{ "content-type": "application/grpc", "grpc-encoding": "gzip", te: "trailers" },
    });
    stream.on("error", () => {});
    stream.end(Buffer.concat([prefix, message]));
    return stream;
  };
  await once(ask(), "data");
  for (let calls = 0; calls < 5; calls += 1) ask();
  socket.pause();
  return socket;
}

/** Node's client reads a socket by itself; of a stream of ours it gets what the socket is read. */
function asDuplex(socket: Socket): Duplex {
  const duplex = new Duplex({
    read: () => {},
    write: (chunk, _, done) => void socket.write(chunk, done),
  });
  socket.on("data", (chunk) => duplex.push(chunk));
  return duplex;
}

/** Whether the door takes one more connection. */
function hasPlace({ host, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const answer = (hasOne: boolean) => {
      resolve(hasOne);
      socket.destroy();
    };
    // Those who are too many are closed at once, and others waited for.
    const timer = setTimeout(() => answer(true), 200);
    socket.on("error", () => {});
    socket.once("close", () => {
      clearTimeout(timer);
      answer(false);
    });
  });
}

const compressed = 1;
const largestWindow = 2 ** 31 - 1;
