import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Decimal } from "../../src/domain/decimal.js";
import {
  BatchCalculateChargesRequestSchema,
  BatchCalculateChargesResponseSchema,
  PricingService,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { constantFields } from "../calls/message.js";
import { call, withClient } from "../support/calls.js";
import { answerJobs } from "../support/load-process.js";
import { linesABatch, request } from "./message.js";

/** Batches to send to a port or, without a port, to decode, multiply and encode here. */
export type BatchesJob = { readonly port: number | undefined; readonly batches: number };

/** The processor time of this process, and the first wrong response. */
export type BatchesRun = { readonly seconds: number; readonly problem: string | undefined };

answerJobs<BatchesJob, BatchesRun>(async ({ port, batches }) => {
  const before = process.cpuUsage();
  let problem: string | undefined;
  const repeat = async (respond: () => Uint8Array | Promise<Uint8Array>) => {
    for (let i = 0; i < batches; i += 1) problem ??= findProblem(await respond());
  };
  if (port === undefined) await repeat(respondMinimally);
  else {
    await withClient(`127.0.0.1:${port}`, (client) =>
      repeat(() => call(client, batchCalculateCharges, request)),
    );
  }
  const { user, system } = process.cpuUsage(before);
  return { seconds: (user + system) / 1e6, problem };
});

/** Does the least work that a batch needs with the same libraries: no look-up, no check, no gRPC. */
function respondMinimally(): Uint8Array {
  const { requests } = fromBinary(BatchCalculateChargesRequestSchema, request);
  const results = requests.map((each) => {
    const ratio = new Decimal(String(each.usageRatio.value));
    const charge = new Decimal(each.providerCost).times(markup).times(ratio);
    const value = {
      ...constantFields,
      ...{ accountCharge: charge.toFixed(), markup: markup.toFixed() },
    };
    return { result: { case: "charge", value } } as const;
  });
  return toBinary(
    BatchCalculateChargesResponseSchema,
    create(BatchCalculateChargesResponseSchema, { results, bookVersion: 1n }),
  );
}

/** Line 400 costs 400.0004 × 1.25125 × 0.25. */
function findProblem(response: Uint8Array): string | undefined {
  const { results } = fromBinary(BatchCalculateChargesResponseSchema, response);
  const { result } = results[400] ?? {};
  const charge = result?.case === "charge" ? result.value.accountCharge : "none";
  if (results.length === linesABatch && charge === "125.125125125") return undefined;
  return `${results.length} results, charge 400 is ${charge}`;
}

const markup = new Decimal("1.25125");
const { batchCalculateCharges } = PricingService.method;
