import { setTimeout as sleep } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CalculateChargeRequestSchema,
  CalculateChargeResponseSchema,
  PricingService,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { call, withClient } from "../support/calls.js";
import { answerJobs } from "../support/load-process.js";
import { key } from "./usages.js";

/** Makes single calls at a fixed rate, without waiting for earlier responses. */
export type SinglesJob = {
  readonly address: string;
  readonly callsPerSecond: number;
  readonly seconds: number;
};

/** The time of each call, from when it was due to its response. */
export type SinglesRun = {
  readonly milliseconds: Float64Array;
  /** The number of wrong responses. */
  readonly wrong: number;
};

answerJobs(async ({ address, callsPerSecond, seconds }: SinglesJob): Promise<SinglesRun> => {
  const milliseconds = new Float64Array(callsPerSecond * seconds);
  let wrong = 0;
  await withClient(address, async (client) => {
    const startsAt = performance.now();
    const callAt = async (index: number, dueAt: number) => {
      const response = await call(client, calculateCharge, request);
      milliseconds[index] = performance.now() - dueAt;
      if (chargeOf(response) !== expectedCharge) wrong += 1;
    };
    const calls: Promise<void>[] = [];
    while (calls.length < milliseconds.length) {
      const dueAt = startsAt + (calls.length * 1000) / callsPerSecond;
      const waitMs = dueAt - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      calls.push(callAt(calls.length, dueAt));
    }
    await Promise.all(calls);
  });
  return { milliseconds, wrong };
});

function chargeOf(response: Buffer): string {
  return fromBinary(CalculateChargeResponseSchema, response).accountCharge;
}

const { calculateCharge } = PricingService.method;

// 1000.00 × 1.25125 × 0.25, the call of the startup banner.
const expectedCharge = "312.8125";
const request = Buffer.from(
  toBinary(
    CalculateChargeRequestSchema,
    create(CalculateChargeRequestSchema, {
      ...key,
      providerCost: "1000.00",
      usageRatio: { case: "accountUsageRatio", value: "0.25" },
    }),
  ),
);
