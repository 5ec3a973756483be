import { gzipSync } from "node:zlib";
import {
  CalculateChargeRequestSchema,
  PricingService,
} from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import type { Abuse } from "../abuse.js";
import { repeatCalls } from "../abuser/grpc-calls.js";
import { repeatPosts } from "../abuser/http1-calls.js";
import { allocation, batch, charge, encode, missingKey } from "../abuser/messages.js";

const { batchCalculateCharges, allocateCharges, calculateCharge } = PricingService.method;

/** Calls of the role `calculate` that need much processor time. */
export const largeCallAbuses: readonly Abuse[] = [
  {
    name: "unknown-versions",
    what: "calculations and batches with a min_book_version that was never issued",
    run: (context) => {
      const minBookVersion = 1_000_000_000n;
      const one = encode(CalculateChargeRequestSchema, { ...charge, minBookVersion });
      const many = batch(1000, charge, minBookVersion);
      return repeatCalls(context, calls(100), (i) =>
        i % 10 === 0
          ? { method: batchCalculateCharges, message: many }
          : { method: calculateCharge, message: one },
      );
    },
  },
  {
    name: "large-batches",
    what: "batches of 10,000 lines and allocations of 50,000 accounts, as many as possible",
    run: (context) => {
      const largeBatch = batch(10_000);
      const largeAllocation = allocation(50_000);
      return repeatCalls(context, calls(40), (i) =>
        i % 2 === 0
          ? { method: batchCalculateCharges, message: largeBatch }
          : { method: allocateCharges, message: largeAllocation },
      );
    },
  },
  {
    name: "missing-prices",
    what: "calculations and batches of keys without a price, for which similar keys are searched",
    run: (context) => {
      const missing = batch(10_000, { ...charge, ...missingKey });
      return repeatCalls(context, calls(200), (i) => {
        if (i % 20 === 0) return { method: batchCalculateCharges, message: missing };
        const model = `some-modal-nam-${i}`;
        const line = { ...charge, ...missingKey, model };
        return { method: calculateCharge, message: encode(CalculateChargeRequestSchema, line) };
      });
    },
  },
  {
    name: "large-json",
    what: "JSON of almost 4 MiB: nested, with unknown fields, and compressed to a few KiB",
    run: (context) => {
      const nested = Buffer.from(`{"x":${"[".repeat(2_000_000)}${"]".repeat(2_000_000)}}`);
      const unknown = Buffer.from(
        `{${Array.from({ length: 200_000 }, (_, i) => `"field${i}":"1"`).join()}}`,
      );
      const compressed = gzipSync(Buffer.concat([Buffer.alloc(4_000_000, " "), Buffer.from("{}")]));
      return repeatPosts(context, 48, [
        { method: calculateCharge, body: nested },
        { method: batchCalculateCharges, body: unknown },
        { method: calculateCharge, body: compressed, encoding: "gzip" },
      ]);
    },
  },
];

function calls(concurrency: number) {
  return { role: "calculate", connections: 4, concurrency } as const;
}
