import { createRegistry, type DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { type Logger, pino } from "pino";
import { formatAddress } from "../../src/config/address.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../src/gen/google/rpc/error_details_pb.js";
import { CatalogService } from "../../src/gen/llmprices/v1/catalog_service_pb.js";
import { LLMPriceSuggestionsSchema } from "../../src/gen/llmprices/v1/llm_price_pb.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { RateService } from "../../src/gen/llmprices/v1/rate_service_pb.js";
import { type Server, type ServerConfig, startServer } from "../../src/server/server.js";
import type { Tracing } from "../../src/tracing/tracing.js";
import { trackOpen } from "./open-resources.js";
import { createTestDatabase, type TestDatabase } from "./postgres.js";
import { readOwnWrites } from "./read-own-writes.js";

/** The service on its own database, with real sockets, and a client for each listener. */
export type TestService = {
  readonly server: Server;
  readonly database: TestDatabase;
  /** A client of the gRPC listener. */
  readonly pricing: Client<typeof PricingService>;
  readonly catalog: Client<typeof CatalogService>;
  readonly rates: Client<typeof RateService>;
  /** Clients of each protocol. */
  readonly endpoints: Readonly<Record<Protocol, Endpoint>>;
  readonly stop: () => Promise<void>;
};

/** All protocols of the listeners. */
export const protocols = ["gRPC", "gRPC-Web", "Connect", "Connect JSON"] as const;
export type Protocol = (typeof protocols)[number];

export type Endpoint = {
  readonly transport: Transport;
  readonly pricing: Client<typeof PricingService>;
  readonly catalog: Client<typeof CatalogService>;
  readonly rates: Client<typeof RateService>;
};

/** A client's token and TLS settings, and the address that it connects from. */
export type Credentials = {
  readonly token?: string;
  readonly tls?: CallerTls;
  readonly localAddress?: string;
};
/** The certificate authority that a client trusts, and its own certificate and key: PEM texts. */
export type CallerTls = { readonly ca: string; readonly cert?: string; readonly key?: string };

/** The log and the tracing of a service. Default: neither. */
export type Observers = { readonly log?: Logger; readonly tracing?: Tracing };

export async function startTestService(
  config: Partial<ServerConfig> = {},
  database?: TestDatabase,
  { log = pino({ level: "silent" }), tracing, ...credentials }: Observers & Credentials = {},
): Promise<TestService> {
  const ownDatabase = database ?? (await createTestDatabase());
  const anyPort = { host: "127.0.0.1", port: 0 };
  const started = await startServer(
    {
      grpcAddress: anyPort,
      httpAddress: anyPort,
      opsAddress: anyPort,
      corsOrigins: new Set(),
      auth: { tokensFile: undefined, jwt: undefined, publicReflection: true, publicHealth: true },
      tls: undefined,
      maxBookStalenessMs: 10_000,
      maxCallTimeoutMs: 30_000,
      maxStreamTimeoutMs: 60_000,
      // The service omits suggestions that it does not find in time. A busy machine needs more time.
      suggestionLimits: { timeoutMs: 10_000, batchTimeoutMs: 20_000 },
      maxBatchCalculations: 10_000,
      maxAllocationAccounts: 5_000_000,
      maxImportRows: 2_000_000,
      maxMessageBytes: 4 * 1024 * 1024,
      maxCallsInFlight: 2000,
      streamIdleTimeoutMs: 30_000,
      databaseLimits,
      connections,
      workerThreads: 1,
      offloadMemoryBytes: 2 ** 30,
      drainDelayMs: 0,
      shutdownGraceMs: 1000,
      ...config,
    },
    ownDatabase,
    log,
    tracing,
  ).catch(async (error) => {
    if (database === undefined) await ownDatabase.drop();
    throw error;
  });
  const untrack = trackOpen("a service", started.stop);
  const stop = async () => {
    untrack();
    await started.stop();
  };
  const server = { ...started, stop };
  const endpoints = openEndpoints(server, credentials);
  return {
    server,
    database: ownDatabase,
    pricing: endpoints.gRPC.pricing,
    catalog: endpoints.gRPC.catalog,
    rates: endpoints.gRPC.rates,
    endpoints,
    stop: async () => {
      await server.stop();
      if (database === undefined) await ownDatabase.drop();
    },
  };
}

/** The limits of a test's service, unless the test sets others. */
export const databaseLimits: ServerConfig["databaseLimits"] = {
  poolSize: 10,
  acquireTimeoutMs: 10_000,
  maxCalls: 500,
  statementTimeoutMs: 30_000,
  lockTimeoutMs: 20_000,
};
export const connections: ServerConfig["connections"] = {
  maxConnections: 10_000,
  maxConcurrentStreams: 200,
  maxHeaderBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  maxConnectionAgeMs: 1_800_000,
  maxConnectionAgeGraceMs: 70_000,
  maxConnectionIdleMs: 900_000,
  keepaliveTimeMs: 60_000,
  keepaliveTimeoutMs: 20_000,
};

/** Creates clients of each protocol that send the credentials. */
export function openEndpoints(
  { grpcAddress, httpAddress }: Pick<Server, "grpcAddress" | "httpAddress">,
  { token, tls, localAddress }: Credentials = {},
): Record<Protocol, Endpoint> {
  const interceptors = [
    readOwnWrites(),
    ...(token === undefined ? [] : [authorize(`Bearer ${token}`)]),
  ];
  const scheme = tls === undefined ? "http" : "https";
  const grpc = `${scheme}://${formatAddress(grpcAddress)}`;
  const http = `${scheme}://${formatAddress(httpAddress)}`;
  const options = { interceptors, nodeOptions: { ...tls, ...(localAddress && { localAddress }) } };
  return {
    gRPC: toEndpoint(createGrpcTransport({ baseUrl: grpc, ...options })),
    "gRPC-Web": toEndpoint(
      createGrpcWebTransport({ baseUrl: http, httpVersion: "1.1", ...options }),
    ),
    Connect: toEndpoint(
      createConnectTransport({
        ...{ baseUrl: http, httpVersion: "1.1", useBinaryFormat: true, ...options },
      }),
    ),
    "Connect JSON": toEndpoint(
      createConnectTransport({
        baseUrl: http,
        httpVersion: "1.1",
        useBinaryFormat: false,
        ...options,
        jsonOptions: {
          registry: createRegistry(
            ...[ErrorInfoSchema, BadRequestSchema, RetryInfoSchema, LLMPriceSuggestionsSchema],
          ),
        },
      }),
    ),
  };
}

/** Sets the authorization header. */
export function authorize(authorization: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", authorization);
    return next(request);
  };
}

export function toEndpoint(transport: Transport): Endpoint {
  const client = <S extends DescService>(service: S) => createClient(service, transport);
  return {
    transport,
    pricing: client(PricingService),
    catalog: client(CatalogService),
    rates: client(RateService),
  };
}
