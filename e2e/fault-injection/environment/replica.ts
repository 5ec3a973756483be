import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import {
  type BenchedService,
  type StartOptions,
  startService,
} from "../../../bench/support/service.js";
import { CatalogService } from "../../../src/gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { RateService } from "../../../src/gen/llmprices/v1/rate_service_pb.js";
import type { Endpoint } from "../../../test/support/service.js";
import { send } from "./postgres.js";

/** A process of the service, and its successors at the same addresses. */
export type Replica = {
  readonly name: string;
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly grpc: Endpoint;
  readonly json: Endpoint;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Waits until the process has ended. */
  readonly ended: () => Promise<void>;
  /** Starts a successor, and waits until it answers. */
  readonly start: () => Promise<void>;
  readonly metricsUrl: () => string;
  readonly processId: () => number;
  readonly stop: () => Promise<void>;
};

/** Starts the compiled service with these environment variables. */
export async function startReplica(
  name: string,
  folder: string,
  settings: Readonly<Record<string, string>>,
  options: StartOptions = {},
): Promise<Replica> {
  const home = join(folder, name);
  await mkdir(home);
  let service: BenchedService = await startService(home, settings, options);
  const { grpcAddress, httpAddress } = service;
  const addresses = { GRPC_ADDR: grpcAddress, HTTP_ADDR: httpAddress };
  return {
    ...{ name, grpcAddress, httpAddress },
    grpc: toEndpoint(createGrpcTransport({ baseUrl: `http://${grpcAddress}` })),
    json: toEndpoint(
      createConnectTransport({
        ...{ baseUrl: `http://${httpAddress}`, httpVersion: "1.1", useBinaryFormat: false },
      }),
    ),
    signal: (signal) => send(service.processId, signal),
    ended: service.ended,
    start: async () => {
      service = await startService(home, { ...settings, ...addresses }, options);
    },
    metricsUrl: () => service.metricsUrl,
    processId: () => service.processId,
    stop: async () => {
      send(service.processId, "SIGCONT");
      await service.stop();
    },
  };
}

function toEndpoint(transport: Transport): Endpoint {
  return {
    transport,
    pricing: createClient(PricingService, transport),
    catalog: createClient(CatalogService, transport),
    rates: createClient(RateService, transport),
  };
}
