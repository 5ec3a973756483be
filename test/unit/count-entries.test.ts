import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { expect } from "chai";
import {
  AllocateChargesRequestSchema,
  BatchCalculateChargesRequestSchema,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { type CountEntries, createEntryCounter } from "../../src/server/threads/count-entries.js";

const batch = create(BatchCalculateChargesRequestSchema, {
  minBookVersion: 1_000_000n,
  asOf: { seconds: 1n },
  requests: Array.from({ length: 300 }, (_, i) => ({ model: "m".repeat(i), reference: "{" })),
});
const allocation = create(AllocateChargesRequestSchema, {
  accountUsages: Array.from({ length: 50 }, () => ({ accountId: "a", usage: "1" })),
});
const binaryCounter = () => createEntryCounter("application/proto");

/** Counts in pieces of `size` bytes. */
function countIn(counter: CountEntries, bytes: Uint8Array, size: number): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += size) sum += counter(bytes.subarray(at, at + size));
  return sum;
}

describe("The entries of a message", () => {
  for (const size of [1, 2, 7, 64, 100_000]) {
    it(`are counted in pieces of ${size} bytes, binary and JSON`, () => {
      // 300 calculations, and `as_of`.
      const bytes = toBinary(BatchCalculateChargesRequestSchema, batch);
      expect(countIn(binaryCounter(), bytes, size)).to.equal(301);
      const json = Buffer.from(toJsonString(AllocateChargesRequestSchema, allocation));
      const jsonCounter = createEntryCounter("application/json; charset=utf-8");
      expect(countIn(jsonCounter, json, size)).to.equal(1 + 50);
    });
  }

  it("are all counted when each has two bytes", () => {
    const dense = Buffer.alloc(200_000, Buffer.from([0x0a, 0x00]));
    expect(countIn(binaryCounter(), dense, 65_536)).to.equal(100_000);
  });

  it("are not counted after malformed bytes", () => {
    const malformed = Buffer.from([0x0a, 0x01, 0x41, 0x0f, 0x0a, 0x00]);
    expect(binaryCounter()(malformed)).to.equal(1);
  });
});
