import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  AllocateChargesRequestSchema,
  BatchCalculateChargesRequestSchema,
  type CalculateChargeRequestSchema,
  ImportLLMPricesRequestSchema,
  ListLLMPricesRequestSchema,
  StreamAllocateChargesRequestSchema,
} from "../../../src/gen/llmprices/v1/pricing_service_pb.js";

/** Encodes a message. */
export function encode<D extends DescMessage>(schema: D, message: MessageInitShape<D>): Buffer {
  return Buffer.from(toBinary(schema, create(schema, message)));
}

export const key = { chargeType: "completion", provider: "openai", model: "gpt-4o" } as const;

export const charge: MessageInitShape<typeof CalculateChargeRequestSchema> = {
  ...{ ...key, providerCost: "123456789.123456789" },
  usageRatio: { case: "accountUsage", value: { usage: "1", totalUsage: "3" } },
};

/** A key that has no price, and is similar to keys that have one. */
export const missingKey = { ...key, provider: "provider-7", model: "some-modal-nam-7" };

export function batch(lines: number, line = charge, minBookVersion = 0n): Buffer {
  const requests = Array.from({ length: lines }, () => line);
  return encode(BatchCalculateChargesRequestSchema, { requests, minBookVersion });
}

const terms = { ...key, providerCost: "1000000", currencyCode: "USD" };

export function allocation(accounts: number): Buffer {
  return encode(AllocateChargesRequestSchema, { terms, accountUsages: usages(0, accounts, 12) });
}

export const allocationTerms = encode(StreamAllocateChargesRequestSchema, { terms });

/** A part of an allocation as a stream, with accounts whose names have `characters` characters. */
export function accounts(from: number, count: number, characters: number): Buffer {
  const accountUsages = usages(from, count, characters);
  return encode(StreamAllocateChargesRequestSchema, { accountUsages });
}

function usages(from: number, count: number, characters: number) {
  return Array.from({ length: count }, (_, i) => ({
    accountId: String(from + i).padStart(characters, "a"),
    usage: "1.5",
  }));
}

export const importTerms = encode(ImportLLMPricesRequestSchema, {
  terms: { validateOnly: true, registerMissing: true },
});

/** A part of an import that creates keys. */
export function rows(from: number, count: number): Buffer {
  return encode(ImportLLMPricesRequestSchema, {
    rows: Array.from({ length: count }, (_, i) => ({
      ...{ chargeType: "completion", provider: "abuser", model: `model-${from + i}`, price: "1.5" },
    })),
  });
}

export const largestPage = encode(ListLLMPricesRequestSchema, { pageSize: 1000 });
