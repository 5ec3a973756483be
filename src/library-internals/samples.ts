import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import type { ServerHttp2Session } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { Socket } from "node:net";
import * as grpc from "@grpc/grpc-js";
import knexModule from "knex";
import { type Metric, Registry } from "prom-client";
import { callGrpcServer, type GrpcCallSample } from "./grpc-sample.js";
import { makeHttp2Session, openLoopbackSocket } from "./socket-samples.js";

/** Real objects of the libraries, as the service uses them, to be probed for what it needs. */
export type Samples = {
  /** With one connection injector, and so one HTTP/2 server. */
  readonly grpcServer: object;
  readonly grpcCall: GrpcCallSample;
  readonly grpcCredentials: object;
  readonly httpServer: HttpServer;
  readonly httpsServer: HttpServer;
  readonly http2Session: ServerHttp2Session;
  readonly isSessionMadeAtOnce: boolean;
  /** A connected TCP socket; undefined where this process cannot connect to itself. */
  readonly openSocket: Socket | undefined;
  readonly knex: { readonly client: unknown };
  /** What prom-client answers of a metric that is ours. */
  readonly exposition: string;
};

/** Makes the samples, has `work` look at them, and closes them. Takes some milliseconds. */
export async function withSamples<T>(work: (samples: Samples) => T): Promise<T> {
  const { grpcServer, grpcCall } = await callGrpcServer();
  const { http2Session, isSessionMadeAtOnce } = makeHttp2Session();
  const openSocket = await openLoopbackSocket();
  // It connects when it is first used, and is not.
  const knex = knexModule({ client: "pg", connection: { host: "localhost" }, pool: { min: 0 } });
  try {
    return work({
      ...{ grpcServer, grpcCall, grpcCredentials: grpc.ServerCredentials.createInsecure() },
      ...{ httpServer: createHttpServer(), httpsServer: createHttpsServer() },
      ...{ http2Session, isSessionMadeAtOnce, openSocket },
      ...{ knex, exposition: await exposeMetric() },
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
  const [name, help] = ["sample", "A histogram that is no object of prom-client's."];
  const values = [{ metricName: "sample_bucket", labels: { le: 1 }, value: 2 }];
  const get = async () => ({ name, help, type: "histogram", aggregator: "sum", values });
  registry.registerMetric({ name, get } as unknown as Metric);
  return registry.metrics().catch(() => "");
}
