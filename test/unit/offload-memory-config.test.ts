import { readFileSync } from "node:fs";
import { expect } from "chai";
import { parse } from "yaml";
import { readConfig } from "../../src/config/config.js";
import { defaultOffloadMemoryBytes } from "../../src/config/memory.js";
import { AccountUsages } from "../../src/domain/charges/account-usages.js";
import { allocationBytesPerAccount } from "../../src/domain/charges/allocation.js";
import { problemsOf } from "../support/config.js";

const mib = 2 ** 20;

describe("BULK_MEMORY_BYTES", () => {
  it("is a whole number of bytes from 64 MiB to 16 GiB", () => {
    const [least, most] = [64 * mib, 16 * 1024 * mib];
    for (const bytes of [least, most]) {
      expect(readConfig({ BULK_MEMORY_BYTES: String(bytes) }).offloadMemoryBytes).to.equal(bytes);
    }
    for (const value of [String(least - 1), String(most + 1), "1e9", "512Mi"]) {
      expect(problemsOf({ BULK_MEMORY_BYTES: value })).to.deep.equal([
        `BULK_MEMORY_BYTES is "${value}"; expected a whole number from ${least} to ${most}`,
      ]);
    }
  });

  it("is half of what the container's limit leaves beside 256 MiB for each process", () => {
    expect(defaultOffloadMemoryBytes(1, 1536 * mib)).to.equal(640 * mib);
    expect(defaultOffloadMemoryBytes(2, 1536 * mib)).to.equal(256 * mib);
  });

  it("is at least 64 MiB, and at most 1 GiB in a process without a limit", () => {
    expect(defaultOffloadMemoryBytes(1, 300 * mib)).to.equal(64 * mib);
    expect(readConfig({}).offloadMemoryBytes).to.be.within(64 * mib, 1024 * mib);
    expect(readConfig({}, 1000).offloadMemoryBytes).to.equal(64 * mib);
  });

  it("rejects a MAX_ALLOCATION_ACCOUNTS that the memory of a caller has no room for", () => {
    const memory = { BULK_MEMORY_BYTES: String(96 * mib) };
    expect(problemsOf({ ...memory, MAX_ALLOCATION_ACCOUNTS: "2097152" })).to.deep.equal([]);
    expect(problemsOf({ ...memory, MAX_ALLOCATION_ACCOUNTS: "2097153" })).to.deep.equal([
      "MAX_ALLOCATION_ACCOUNTS is 2097153, above what half of BULK_MEMORY_BYTES has room for, " +
        "which is 2097152: the caller's memory would be exhausted before",
    ]);
  });

  it("lowers the default of MAX_ALLOCATION_ACCOUNTS to what it has room for", () => {
    const memory = { BULK_MEMORY_BYTES: String(96 * mib) };
    expect(readConfig(memory).maxAllocationAccounts).to.equal(2_097_152);
    expect(problemsOf({ BULK_MEMORY_BYTES: "x" })).to.have.length(1);
  });

  it("has room for the largest allocation to UUIDs within the limits of the manifests", () => {
    const perCaller = defaultOffloadMemoryBytes(1, 1536 * mib) / 2;
    expect(5_000_000 * bytesPerUUID()).to.be.below(perCaller);
    const { spec } = parse(read("kubernetes/service/deployment.yaml"));
    const [{ resources }] = spec.template.spec.containers;
    expect(resources.limits.memory).to.equal("1536Mi");
    expect(parse(read("compose.yaml")).services.llmprices.mem_limit).to.equal("1536m");
  });
});

/** Returns the bytes that an account with a UUID takes at most, while it is added or allocated. */
function bytesPerUUID(): number {
  // Its hash table is as full as that of 5,000,000 accounts.
  const count = 5_000_000 / 32;
  let reserved = 0;
  const usages = new AccountUsages((bytes) => {
    reserved += bytes;
  });
  for (let i = 0; i < count; i += 1) {
    usages.add(`7e570000-0000-4000-8000-${String(i).padStart(12, "0")}`, {
      units: BigInt(i),
      scale: 0,
    });
  }
  const adding = reserved / count;
  usages.endInput();
  return Math.max(adding, reserved / count + allocationBytesPerAccount);
}

function read(path: string): string {
  return readFileSync(new URL(`../../deploy/${path}`, import.meta.url), "utf8");
}
