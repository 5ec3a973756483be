import { createHash } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AllocationTermsSchema,
  AllocationUsageSchema,
} from "../../src/gen/llmprices/v1/allocation_pb.js";
import { StreamAllocateChargesRequestSchema } from "../../src/gen/llmprices/v1/pricing_service_pb.js";

/** The encoded messages of an allocation, and its accounts in the order of the messages. */
export type EncodedAllocation = {
  readonly accountIds: readonly string[];
  readonly messages: readonly Buffer[];
};

/** A key of the example prices. */
export const key = {
  chargeType: "completion",
  provider: "anthropic",
  model: "claude-sonnet-4-5",
} as const;

/**
 * Encodes an allocation to accounts with UUIDs (36 characters) that used 1 to 1,000,000 tokens. The
 * result depends only on the count. The cost is about one dollar per account, so that about half of
 * the accounts get a cent of remainder.
 */
export function encodeAllocation(count: number): EncodedAllocation {
  const accounts = Array.from({ length: count }, (_, index) => accountAt(index));
  const terms = create(AllocationTermsSchema, {
    ...key,
    providerCost: `${count}.37`,
    currencyCode: "USD",
  });
  const messages: Buffer[] = [];
  for (let from = 0; from < count; from += usagesPerMessage) {
    const accountUsages = accounts.slice(from, from + usagesPerMessage);
    const message = create(StreamAllocateChargesRequestSchema, {
      accountUsages: accountUsages.map((account) => create(AllocationUsageSchema, account)),
      ...(from === 0 && { terms }),
    });
    messages.push(Buffer.from(toBinary(StreamAllocateChargesRequestSchema, message)));
  }
  return { accountIds: accounts.map(({ accountId }) => accountId), messages };
}

function accountAt(index: number) {
  const hash = createHash("md5").update(String(index)).digest();
  const hex = hash.toString("hex");
  const accountId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  return { accountId, usage: String(1 + (hash.readUInt32BE(0) % maxUsage)) };
}

export const usagesPerMessage = 2000;
const maxUsage = 1_000_000;
