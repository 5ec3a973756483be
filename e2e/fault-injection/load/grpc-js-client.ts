import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";
import { call } from "../../../bench/support/calls.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import type { Replica } from "../environment/replica.js";
import { nextKey, nextPrice } from "./load.js";
import type { Ledger } from "./write-log.js";
import { createPrice } from "./writes.js";

/** Starts a client on all replicas that retries. What is answered stops it, when its last call has ended. */
export function startGrpcJsClient(
  ledger: Ledger,
  replicas: readonly Replica[],
): () => Promise<void> {
  const addresses = replicas.map(({ grpcAddress }) => grpcAddress).join(",");
  const client = new grpc.Client(`ipv4:${addresses}`, grpc.credentials.createInsecure(), {
    "grpc.service_config": JSON.stringify(serviceConfig),
  });
  let isOver = false;
  let calls = 0;
  const counted = async <T>(work: Promise<T>): Promise<T | undefined> => {
    calls += 1;
    try {
      return await work;
    } catch (error) {
      ledger.violations.push(`grpc-js, which retries: ${(error as Error).message}`);
      return undefined;
    }
  };
  const lane = async () => {
    while (!isOver) await writeAndCalculate(client, ledger, counted);
  };
  const lanes = [lane(), lane()];
  return async () => {
    isOver = true;
    await Promise.all(lanes);
    client.close();
    ledger.notes.push(`grpc-js ${calls} calls`);
  };
}

type Counted = <T>(work: Promise<T>) => Promise<T | undefined>;

async function writeAndCalculate(client: grpc.Client, ledger: Ledger, counted: Counted) {
  const key = nextKey();
  const price = nextPrice();
  const write = createPrice(key, price);
  const { createLLMPrice, calculateCharge } = PricingService.method;
  const body = { ...key, price, requestId: write.requestId, reason: write.requestId };
  const created = await counted(unary(client, createLLMPrice, body));
  if (created?.llmPrice?.effectiveFrom === undefined) return;
  const answer = {
    version: created.bookVersion,
    effectiveFrom: timestampMs(created.llmPrice.effectiveFrom),
  };
  ledger.entries.push({ ...write, state: "answered", answer });
  for (let i = 0; i < 5; i += 1) {
    const usageRatio = { case: "accountUsageRatio" as const, value: "1" };
    const terms = { ...key, providerCost: "1", usageRatio, minBookVersion: answer.version };
    const charged = await counted(unary(client, calculateCharge, terms));
    if (charged !== undefined && charged.markup !== price) {
      ledger.violations.push(`grpc-js was charged at ${charged.markup}, not at ${price}`);
    }
  }
}

type Unary<I extends DescMessage, O extends DescMessage> = Parameters<typeof call>[1] & {
  readonly input: I;
  readonly output: O;
};

async function unary<I extends DescMessage, O extends DescMessage>(
  client: grpc.Client,
  method: Unary<I, O>,
  request: MessageInitShape<I>,
) {
  const bytes = toBinary(method.input, create(method.input, request));
  return fromBinary(method.output, await call(client, method, Buffer.from(bytes)));
}

/** As docs/clients.md has it. */
const serviceConfig = {
  loadBalancingConfig: [{ round_robin: {} }],
  methodConfig: [
    {
      name: [{ service: "llmprices.v1.PricingService" }],
      timeout: "10s",
      retryPolicy: {
        maxAttempts: 4,
        initialBackoff: "0.1s",
        maxBackoff: "2s",
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    },
  ],
};
