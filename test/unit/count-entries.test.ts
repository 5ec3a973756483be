import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { expect } from "chai";
import {
  AllocateChargesRequestSchema,
  BatchCalculateChargesRequestSchema,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { toFrame } from "../../src/server/connect/error-response.js";
import {
  type CountEntries,
  createBinaryCounter,
  createJsonCounter,
} from "../../src/server/threads/count-entries.js";

const batch = create(BatchCalculateChargesRequestSchema, {
  minBookVersion: 1_000_000n,
  asOf: { seconds: 1n },
  requests: Array.from({ length: 300 }, (_, i) => ({ model: "m".repeat(i), reference: "{" })),
});
const allocation = create(AllocateChargesRequestSchema, {
  accountUsages: Array.from({ length: 50 }, () => ({ accountId: "a", usage: "1" })),
});
const bytesOf = () => toBinary(BatchCalculateChargesRequestSchema, batch);

/** Counts in pieces of `size` bytes. */
function countIn(counter: CountEntries, bytes: Uint8Array, size: number): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += size) sum += counter(bytes.subarray(at, at + size));
  return sum;
}

describe("The entries of a message", () => {
  for (const size of [1, 2, 7, 64, 100_000]) {
    it(`are counted in pieces of ${size} bytes: binary, in frames or without, and JSON`, () => {
      // 300 calculations, and `as_of`.
      expect(countIn(createBinaryCounter(false), bytesOf(), size)).to.equal(301);
      const other = toBinary(AllocateChargesRequestSchema, allocation);
      const empty = toFrame(0, Buffer.alloc(0));
      const frames = [toFrame(0, bytesOf()), empty, toFrame(0, other), toFrame(0, bytesOf())];
      const expected = 301 + 50 + 301;
      expect(countIn(createBinaryCounter(true), Buffer.concat(frames), size)).to.equal(expected);
      const json = Buffer.from(toJsonString(AllocateChargesRequestSchema, allocation));
      expect(countIn(createJsonCounter(), json, size)).to.equal(1 + 50);
    });
  }

  it("are all counted when each has two bytes", () => {
    const dense = Buffer.alloc(200_000, Buffer.from([0x0a, 0x00]));
    expect(countIn(createBinaryCounter(false), dense, 65_536)).to.equal(100_000);
    expect(countIn(createBinaryCounter(true), toFrame(0, dense), 65_536)).to.equal(100_000);
  });

  it("are not counted after malformed bytes", () => {
    const malformed = Buffer.from([0x0a, 0x01, 0x41, 0x0f, 0x0a, 0x00]);
    expect(createBinaryCounter(false)(malformed)).to.equal(1);
  });

  it("do not go beyond a frame, whatever length a field claims", () => {
    const longField = toFrame(0, Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x0f]));
    const bytes = Buffer.concat([longField, toFrame(0, Buffer.from([0x0a, 0x00]))]);
    expect(createBinaryCounter(true)(bytes)).to.equal(2);
  });
});
