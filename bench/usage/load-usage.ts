import { fromBinary } from "@bufbuild/protobuf";
import {
  BatchCalculateChargesResponseSchema,
  PricingService,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import {
  BatchRateUsageResponseSchema,
  RateService,
} from "../../src/gen/llmprices/v1/rate_service_pb.js";
import { call, withClient } from "../support/calls.js";
import { answerJobs } from "../support/load-process.js";
import { accountCharge, charges, linesABatch, providerCost, ratings } from "./messages.js";

/** Batches of one kind to send to a port. */
export type UsageJob = {
  readonly port: number;
  readonly kind: "ratings" | "charges";
  readonly batches: number;
};

/** The first wrong response. */
export type UsageRun = { readonly problem: string | undefined };

answerJobs<UsageJob, UsageRun>(async ({ port, kind, batches }) => {
  let problem: string | undefined;
  await withClient(`127.0.0.1:${port}`, async (client) => {
    for (let i = 0; i < batches; i += 1) {
      const found =
        kind === "ratings"
          ? findProblem(readCosts(await call(client, batchRateUsage, ratings)), providerCost)
          : findProblem(
              readCharges(await call(client, batchCalculateCharges, charges)),
              accountCharge,
            );
      problem ??= found;
    }
  });
  return { problem };
});

function readCosts(response: Uint8Array): string[] {
  return fromBinary(BatchRateUsageResponseSchema, response).results.map(({ result }) =>
    result.case === "rated" ? result.value.providerCost : "none",
  );
}

function readCharges(response: Uint8Array): string[] {
  return fromBinary(BatchCalculateChargesResponseSchema, response).results.map(({ result }) =>
    result.case === "charge" ? result.value.accountCharge : "none",
  );
}

function findProblem(values: readonly string[], expected: string): string | undefined {
  const wrong = values.find((value) => value !== expected);
  if (values.length === linesABatch && wrong === undefined) return undefined;
  return `${values.length} results, one is ${wrong} instead of ${expected}`;
}

const { batchCalculateCharges } = PricingService.method;
const { batchRateUsage } = RateService.method;
