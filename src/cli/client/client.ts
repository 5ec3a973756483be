import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { formatAddress } from "../../config/address.js";
import { Health } from "../../gen/health/v1/health_pb.js";
import { CatalogService } from "../../gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { RateService } from "../../gen/llmprices/v1/rate_service_pb.js";
import { keepByteOrderMarks } from "../../protobuf/text-encoding.js";
import { toFailure } from "./call-errors.js";
import { type ConnectionFlags, type ConnectionSettings, readSettings } from "./client-settings.js";

/** Clients of the service that share one native gRPC connection. The first call opens it. */
export type Connection = {
  readonly pricing: Client<typeof PricingService>;
  readonly catalog: Client<typeof CatalogService>;
  readonly rates: Client<typeof RateService>;
  readonly health: Client<typeof Health>;
};

/**
 * Runs a command's calls, then closes the connection.
 *
 * @throws Failure when a call fails.
 */
export async function withConnection<T>(
  flags: ConnectionFlags,
  run: (connection: Connection) => Promise<T>,
): Promise<T> {
  const settings = readSettings(flags);
  const { connection, close } = open(settings);
  try {
    return await run(connection);
  } catch (error) {
    throw toFailure(error, settings);
  } finally {
    close();
  }
}

function open({ address, token, tls, timeoutMs }: ConnectionSettings) {
  keepByteOrderMarks();
  const baseUrl = `${tls === undefined ? "http" : "https"}://${formatAddress(address)}`;
  const tlsOptions = { ca: tls?.ca, cert: tls?.cert, key: tls?.key };
  // Without pings a stream would not end when the network is gone.
  const sessions = new Http2SessionManager(baseUrl, { pingIntervalMs: 60_000 }, tlsOptions);
  const transport = createGrpcTransport({
    baseUrl,
    sessionManager: sessions,
    interceptors: token === undefined ? [] : [addToken(token)],
    ...(timeoutMs !== undefined && { defaultTimeoutMs: timeoutMs }),
  });
  const connection: Connection = {
    pricing: createClient(PricingService, transport),
    catalog: createClient(CatalogService, transport),
    rates: createClient(RateService, transport),
    health: createClient(Health, transport),
  };
  return { connection, close: () => sessions.abort() };
}

function addToken(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}
