import { once } from "node:events";
import { fromBinary } from "@bufbuild/protobuf";
import type * as grpc from "@grpc/grpc-js";
import type { AllocationTotals } from "../../src/gen/llmprices/v1/allocation_pb.js";
import {
  PricingService,
  StreamAllocateChargesResponseSchema,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { pathOf } from "../../src/server/threads/offloaded-methods.js";
import { same } from "../support/calls.js";
import type { EncodedAllocation } from "./usages.js";

/** The time of an allocation, and whether its response is correct. */
export type AllocationRun = {
  /** From the first message sent to the totals received. */
  readonly seconds: number;
  /** From the first message sent to the first charges received. */
  readonly secondsToFirstCharges: number;
  /** What is wrong with the response. */
  readonly problem: string | undefined;
};

/** An encoded response. It is decoded later, because decoding takes time of the client. */
export type EncodedRun = Omit<AllocationRun, "problem"> & {
  readonly messages: readonly Buffer[];
};

/** Allocates through StreamAllocateCharges. */
export async function allocate(
  client: grpc.Client,
  { messages }: EncodedAllocation,
): Promise<EncodedRun> {
  const startedAt = performance.now();
  const call = client.makeBidiStreamRequest(path, same, same);
  let secondsToFirstCharges = Number.NaN;
  const responses: Buffer[] = [];
  const received = new Promise<void>((resolve, reject) => {
    call.on("data", (message: Buffer) => {
      if (responses.length === 0) secondsToFirstCharges = secondsSince(startedAt);
      responses.push(message);
    });
    call.on("end", resolve).on("error", reject);
  });
  const sent = send(call, messages);
  await Promise.race([received, sent.then(() => received)]);
  return { seconds: secondsSince(startedAt), secondsToFirstCharges, messages: responses };
}

/**
 * Checks that a response has each account once, in the order of the request, and that the charges
 * sum exactly to the total.
 */
export function verify(
  { accountIds }: EncodedAllocation,
  { messages, ...run }: EncodedRun,
): AllocationRun {
  let count = 0;
  let sumUnits = 0n;
  let misplaced = 0;
  let totals: AllocationTotals | undefined;
  for (const message of messages) {
    const response = fromBinary(StreamAllocateChargesResponseSchema, message);
    for (const { accountId, accountCharge } of response.accountCharges) {
      if (accountId !== accountIds[count]) misplaced += 1;
      count += 1;
      sumUnits += toUnits(accountCharge);
    }
    totals = response.totals;
  }
  const problems = [
    ...(count === accountIds.length ? [] : [`${count} accounts in the response`]),
    ...(misplaced === 0 ? [] : [`${misplaced} accounts out of order`]),
    ...(totals === undefined ? ["no totals"] : findDifference(sumUnits, totals)),
  ];
  return { ...run, problem: problems.length === 0 ? undefined : problems.join(", ") };
}

function findDifference(sumUnits: bigint, { totalCharge }: AllocationTotals): string[] {
  if (sumUnits === toUnits(totalCharge)) return [];
  return [`the charges sum to ${sumUnits} cents, and the total is ${totalCharge}`];
}

/** Converts a decimal with two fraction digits to cents. */
function toUnits(decimal: string): bigint {
  if (!/^-?\d+\.\d\d$/.test(decimal)) throw new Error(`${decimal} is not an amount in US dollars`);
  return BigInt(decimal.replace(".", ""));
}

async function send(
  call: grpc.ClientDuplexStream<Buffer, Buffer>,
  messages: readonly Buffer[],
): Promise<void> {
  for (const message of messages) {
    if (!call.write(message)) await once(call, "drain");
  }
  call.end();
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000;
}

const path = pathOf(PricingService.method.streamAllocateCharges);
