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
import type { WriteLog } from "./write-log.js";
import { createPrice } from "./writes.js";

/** Starts a client that retries, on all replicas. Returns a function that stops it after its last call. */
export function startGrpcJsClient(
  writeLog: WriteLog,
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
      writeLog.violations.push(`grpc-js, which retries: ${(error as Error).message}`);
      return undefined;
    }
  };
  const callRepeatedly = async () => {
    while (!isOver) await writeAndCalculate(client, writeLog, counted);
  };
  const callers = [callRepeatedly(), callRepeatedly()];
  return async () => {
    isOver = true;
    await Promise.all(callers);
    client.close();
    writeLog.notes.push(`grpc-js ${calls} calls`);
  };
}

type Counted = <T>(work: Promise<T>) => Promise<T | undefined>;

async function writeAndCalculate(client: grpc.Client, writeLog: WriteLog, counted: Counted) {
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
  writeLog.entries.push({ ...write, state: "answered", answer });
  for (let i = 0; i < 5; i += 1) {
    const usageRatio = { case: "accountUsageRatio" as const, value: "1" };
    const terms = { ...key, providerCost: "1", usageRatio, minBookVersion: answer.version };
    const charged = await counted(unary(client, calculateCharge, terms));
    if (charged !== undefined && charged.markup !== price) {
      writeLog.violations.push(`grpc-js was charged at ${charged.markup}, not at ${price}`);
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

/** The service config of docs/clients.md. */
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
