import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import {
  createServer as createHttp2Server,
  createSecureServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import * as grpc from "@grpc/grpc-js";
import knexModule from "knex";
import pg from "pg";
import { type Metric, Registry } from "prom-client";
import { callGrpcServer, type GrpcCallSample } from "./grpc-sample.js";
import { makeHttp2Session, openLoopbackSocket } from "./socket-samples.js";

/** Real objects of the libraries. The probes look for the fields that the service needs. */
export type Samples = {
  /** A server with one connection injector, and so one HTTP/2 server. */
  readonly grpcServer: object;
  readonly grpcCall: GrpcCallSample;
  readonly grpcCredentials: object;
  readonly httpServer: HttpServer;
  readonly httpsServer: HttpServer;
  /** A server with a listener for requests. */
  readonly http2Server: Http2Server;
  readonly http2SecureServer: Http2SecureServer;
  readonly http2Session: ServerHttp2Session;
  /** True if `session` was emitted while `connection` was handled. */
  readonly isSessionCreatedSynchronously: boolean;
  /** A connected TCP socket. Undefined if this process cannot connect to itself. */
  readonly openSocket: Socket | undefined;
  readonly readable: Readable;
  readonly knex: { readonly client: unknown };
  /** A client that is not connected. */
  readonly pgClient: object;
  /** The text that prom-client writes for a metric that is our own object. */
  readonly exposition: string;
};

/** Creates the samples, runs `work` with them, and closes them. Takes a few milliseconds. */
export async function withSamples<T>(work: (samples: Samples) => T): Promise<T> {
  const { grpcServer, grpcCall } = await callGrpcServer();
  const { http2Session, isSessionCreatedSynchronously } = makeHttp2Session();
  const openSocket = await openLoopbackSocket();
  // Knex connects at the first query, and this one runs none.
  const knex = knexModule({ client: "pg", connection: { host: "localhost" }, pool: { min: 0 } });
  try {
    return work({
      ...{ grpcServer, grpcCall, grpcCredentials: grpc.ServerCredentials.createInsecure() },
      ...{ httpServer: createHttpServer(), httpsServer: createHttpsServer() },
      ...{ http2Server: createHttp2Server(() => {}), http2SecureServer: createSecureServer() },
      ...{ http2Session, isSessionCreatedSynchronously, openSocket, readable: new Readable() },
      ...{ knex, pgClient: new pg.Client(), exposition: await exposeMetric() },
    });
  } finally {
    grpcServer.forceShutdown();
    http2Session.destroy();
    openSocket?.destroy();
    await knex.destroy();
  }
}

async function exposeMetric(): Promise<string> {
  const registry = new Registry();
  const [name, help] = ["sample", "A histogram that prom-client did not create."];
  const values = [{ metricName: "sample_bucket", labels: { le: 1 }, value: 2 }];
  const get = async () => ({ name, help, type: "histogram", aggregator: "sum", values });
  registry.registerMetric({ name, get } as unknown as Metric);
  return registry.metrics().catch(() => "");
}
