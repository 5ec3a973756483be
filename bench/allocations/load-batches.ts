import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  BatchCalculateChargesRequestSchema,
  BatchCalculateChargesResponseSchema,
  PricingService,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { call, withClient } from "../support/calls.js";
import { answerJobs } from "../support/load-process.js";
import { key } from "./usages.js";

/** Sends batches in sequence for some seconds. */
export type BatchesJob = {
  readonly address: string;
  readonly lines: number;
  readonly minSeconds: number;
};

/** The outcome of the batches. */
export type BatchesRun = {
  /** The duration of each batch. */
  readonly seconds: readonly number[];
  /** The number of lines without a charge. */
  readonly linesWithoutCharge: number;
};

answerJobs(async ({ address, lines, minSeconds }: BatchesJob): Promise<BatchesRun> => {
  const request = encodeBatch(lines);
  const seconds: number[] = [];
  const responses: Buffer[] = [];
  await withClient(address, async (client) => {
    const endsAt = performance.now() + minSeconds * 1000;
    while (performance.now() < endsAt) {
      const startedAt = performance.now();
      responses.push(await call(client, batchCalculateCharges, request));
      seconds.push((performance.now() - startedAt) / 1000);
    }
  });
  const charges = responses.reduce((sum, response) => sum + countCharges(response), 0);
  return { seconds, linesWithoutCharge: lines * responses.length - charges };
});

function encodeBatch(lines: number): Buffer {
  const requests = Array.from({ length: lines }, (_, index) => ({
    ...key,
    providerCost: `${index}.25`,
    usageRatio: { case: "accountUsage", value: { usage: "1", totalUsage: "3" } } as const,
  }));
  const batch = create(BatchCalculateChargesRequestSchema, { requests });
  return Buffer.from(toBinary(BatchCalculateChargesRequestSchema, batch));
}

function countCharges(response: Buffer): number {
  const { results } = fromBinary(BatchCalculateChargesResponseSchema, response);
  return results.filter(({ result }) => result.case === "charge").length;
}

const { batchCalculateCharges } = PricingService.method;
