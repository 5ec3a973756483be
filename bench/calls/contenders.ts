import {
  createServer as createHttp2Server,
  type Http2Server,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { createContextValues } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { pino } from "pino";
import { readConfig } from "../../src/config/config.js";
import { anonymous } from "../../src/domain/caller.js";
import {
  CalculateChargeRequestSchema,
  CalculateChargeResponseSchema,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import type { PriceBook } from "../../src/price-book/price-book.js";
import { createReplicatedPriceBook } from "../../src/price-book/replicated-price-book.js";
import { unlimitedMemory } from "../../src/rpc/call/call-memory.js";
import { callerKey } from "../../src/rpc/call/caller-context.js";
import { defaultSuggestionLimits } from "../../src/rpc/handlers/dependencies.js";
import { allowEveryone } from "../../src/server/auth/authorizer.js";
import { createCallLog } from "../../src/server/calls/call-log.js";
import { createCallPlaces } from "../../src/server/calls/call-places.js";
import { CallTurns } from "../../src/server/connections/call-turns.js";
import { SessionQueue } from "../../src/server/connections/session-queue.js";
import { startGrpcServer } from "../../src/server/grpc/grpc-server.js";
import { createMetrics } from "../../src/server/ops/metrics.js";
import { createServices, type Mount } from "../../src/server/pipeline/services.js";
import { patchStreamMap } from "../../src/server/runtime-tuning/http2-stream-table.js";
import { v8Flags } from "../../src/server/runtime-tuning/v8-flags.js";
import { createDatabase, type DatabaseConnection } from "../../src/store/connection/pool.js";
import { findPricesAt } from "../../src/store/prices/find-prices.js";
import { openPriceBookFeed } from "../../src/store/timelines/price-book-feed.js";
import { constantResponse, path } from "./message.js";

/** Starts a contender on a free port of the loopback interface and returns the port. */
type Contender = (connection: DatabaseConnection) => Promise<number>;

/** The servers that the service is compared with, each in its own process. */
export const contenders = {
  "node:http2 by hand": serveRawHttp2,
  "grpc-js, bare handler": () => serveBare(),
  "grpc-js, bare handler, garbage as ours": serveBareWithOurV8Flags,
  "connect-node, our handlers": serveConnectNode,
  "ours, price from PostgreSQL": serveFromDatabase,
} satisfies Record<string, Contender>;

/** Serves with node:http2 alone: decodes the request message and responds. */
async function serveRawHttp2(): Promise<number> {
  const server = createHttp2Server();
  server.on("stream", (stream: ServerHttp2Stream) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      fromBinary(CalculateChargeRequestSchema, Buffer.concat(chunks).subarray(5));
      const response = toBinary(CalculateChargeResponseSchema, constantResponse());
      const frame = Buffer.alloc(5 + response.length);
      frame.writeUInt32BE(response.length, 1);
      frame.set(response, 5);
      stream.respond(
        { ":status": 200, "content-type": "application/grpc+proto" },
        { waitForTrailers: true },
      );
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(frame);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** Serves with grpc-js, our V8 flags and our stream map patch, which free calls' garbage early. */
function serveBareWithOurV8Flags(): Promise<number> {
  v8Flags.forEach(setFlagsFromString);
  return serveBare((server) => {
    const { http2Servers } = server as unknown as { http2Servers: Map<Http2Server, unknown> };
    for (const http2 of http2Servers.keys()) http2.on("session", patchStreamMap);
  });
}

function serveBare(onListening = (_: grpc.Server) => {}): Promise<number> {
  const server = new grpc.Server();
  server.addService(
    {
      CalculateCharge: {
        ...{ path, requestStream: false, responseStream: false },
        requestSerialize: (bytes: Buffer) => bytes,
        requestDeserialize: (bytes: Buffer) => fromBinary(CalculateChargeRequestSchema, bytes),
        responseSerialize: (response: ReturnType<typeof constantResponse>) =>
          Buffer.from(toBinary(CalculateChargeResponseSchema, response)),
        responseDeserialize: (bytes: Buffer) => bytes,
      },
    },
    {
      CalculateCharge: (_: unknown, callback: grpc.sendUnaryData<unknown>) =>
        callback(null, constantResponse()),
    },
  );
  return new Promise((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync("127.0.0.1:0", credentials, (error, port) => {
      if (error) return reject(error);
      onListening(server);
      resolve(port);
    });
  });
}

/** Serves our handlers and the price book in memory through Connect's own adapter. */
async function serveConnectNode(connection: DatabaseConnection): Promise<number> {
  const book = createReplicatedPriceBook({
    open: (events) => openPriceBookFeed(connection, events),
    maxStalenessMs: 10_000,
    log,
  });
  await book.firstReadAttempt;
  const mountServices = createOurServices(connection, book);
  const server = createHttp2Server(
    connectNodeAdapter({
      routes: (router) => {
        mountServices((service, implementation) => router.service(service, implementation));
      },
      contextValues: () => createContextValues().set(callerKey, anonymous),
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** Serves with our gRPC server, which runs an SQL statement for each call instead of the price book. */
async function serveFromDatabase(connection: DatabaseConnection): Promise<number> {
  v8Flags.forEach(setFlagsFromString);
  const knex = createDatabase({ connection, poolSize: 10, acquireTimeoutMs: 10_000 });
  const book: PriceBook = {
    lookup: async ({ requests: [first], asOf }) => {
      const time = { asOf, bookVersion: undefined };
      return { ...(await findPricesAt(knex, first?.key ?? {}, time, 1)), rateCards: [] };
    },
  };
  const stats = () => ({
    open: 0,
    maxOpen: 0,
    threads: 0,
    rejected: 0,
    memoryBytes: 0,
    maxMemoryBytes: 0,
  });
  const serve = () => Promise.reject(new Error("no worker threads"));
  const threads = { serve, stats, close: async () => {} };
  const services = createOurServices(connection, book);
  const server = await startGrpcServer(
    { host: "127.0.0.1", port: 0 },
    {
      ...{ mountServices: services, threads, authorizer: allowEveryone },
      ...{
        limits: readConfig({}),
        queue: new SessionQueue(),
        turns: new CallTurns(),
        tls: undefined,
      },
      ...{ callLog: noCallLog, log },
    },
  );
  return server.address.port;
}

const noCatalog = {
  registeredProviders: async () => [],
  registeredModels: async () => [],
  onUnregistered: () => {},
};

function createOurServices(
  connection: DatabaseConnection,
  book: PriceBook,
): (mount: Mount) => void {
  const knex = createDatabase({ connection, poolSize: 10, acquireTimeoutMs: 10_000 });
  const metrics = createMetrics(noCatalog);
  const callLog = createCallLog(log, metrics);
  return createServices(
    {
      ...{
        knex,
        bookOf: () => book,
        chargeCounterOf: () => metrics.charges,
        maxBookStalenessMs: 10_000,
        suggestionLimits: defaultSuggestionLimits,
      },
      memoryOf: () => unlimitedMemory,
      waitForChange: () => Promise.reject(new Error("nothing watches a benchmark")),
      ...{ maxBatchCalculations: 10_000, maxAllocationAccounts: 10_000, maxImportRows: 10_000 },
    },
    {
      ...{
        callLogOf: () => callLog,
        places: createCallPlaces(2000),
        maxTimeoutMs: 30_000,
        maxMessageBytes: 4 * 2 ** 20,
      },
      ...{ maxStreamTimeoutMs: 30_000, streamIdleTimeoutMs: 30_000 },
    },
  );
}

const noCallLog = { callStarts: () => {}, callEnds: () => {} };
const log = pino(
  { base: null },
  pino.destination({ dest: "/dev/null", sync: true, minLength: 4096, periodicFlush: 200 }),
);
