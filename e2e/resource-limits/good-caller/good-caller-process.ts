import { setTimeout as sleep } from "node:timers/promises";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { answerJobs } from "../../../bench/support/load-process.js";
import { byKey } from "../../../test/support/prices.js";
import { type Endpoint, openEndpoints } from "../../../test/support/service.js";
import { toFailure } from "../../support/call-failure.js";
import type { CallsSeen, GoodCallerJob } from "./good-caller.js";

type Call = {
  readonly isCalculation: boolean;
  readonly startedAt: number;
  readonly milliseconds: number;
  readonly failure: string | undefined;
};

let calls: Call[] = [];
const open = new Map<symbol, number>();

answerJobs<GoodCallerJob, CallsSeen>(async (job) => {
  if ("token" in job) {
    const { gRPC, "Connect JSON": json } = openEndpoints(job, { token: job.token });
    void repeat(1000 / calculationsASecond, (i) => {
      const endpoint = i % 2 === 0 ? gRPC : json;
      void record("CalculateCharge", () => calculate(endpoint));
    });
    void repeat(1000, (i) => {
      void record("BatchCalculateCharges", () => calculateMany(i % 2 === 0 ? gRPC : json));
      void record("AllocateCharges", () => allocate(i % 2 === 0 ? json : gRPC));
      void record("UpdateLLMPrice", () => update(gRPC, i));
    });
    return { calculations: [], others: [], failures: new Map() };
  }
  return summarize(job.from, job.to);
});

/** Starts work at a steady rate, also while earlier work is unfinished. */
async function repeat(intervalMs: number, work: (index: number) => void): Promise<void> {
  const startedAt = performance.now();
  for (let i = 0; ; i += 1) {
    await sleep(Math.max(0, startedAt + i * intervalMs - performance.now()));
    work(i);
  }
}

async function record(name: string, call: () => Promise<boolean>): Promise<void> {
  const id = Symbol();
  const startedAt = Date.now();
  open.set(id, startedAt);
  const start = performance.now();
  const failure = await call().then(
    (isRight) => (isRight ? undefined : `${name}: wrong response`),
    (error: unknown) => `${name}: ${describeFailure(error)}`,
  );
  const milliseconds = performance.now() - start;
  calls.push({ isCalculation: name === "CalculateCharge", startedAt, milliseconds, failure });
  open.delete(id);
}

function describeFailure(error: unknown): string {
  const { reason, message } = toFailure(error);
  return `${reason}: ${message}`;
}

async function summarize(from: number, to: number): Promise<CallsSeen> {
  while ([...open.values()].some((startedAt) => startedAt <= to)) await sleep(20);
  const seen = calls.filter(({ startedAt }) => startedAt >= from && startedAt <= to);
  calls = calls.filter(({ startedAt }) => startedAt > to);
  const failures = new Map<string, number>();
  for (const { failure } of seen) {
    if (failure !== undefined) failures.set(failure, (failures.get(failure) ?? 0) + 1);
  }
  const durations = (isCalculation: boolean) =>
    seen
      .filter((call) => call.isCalculation === isCalculation && call.failure === undefined)
      .map(({ milliseconds }) => milliseconds);
  return { calculations: durations(true), others: durations(false), failures };
}

/** 1000.00 × 1.25125 × 0.25, at a past time whose price cannot change. */
const charge = {
  ...{ chargeType: "completion", provider: "anthropic", model: "claude-sonnet-4-5" },
  ...{ providerCost: "1000.00", usageRatio: { case: "accountUsageRatio" as const, value: "0.25" } },
  asOf: timestampFromDate(new Date("2026-02-01")),
};
const expected = "312.8125";

async function calculate({ pricing }: Endpoint): Promise<boolean> {
  return (await pricing.calculateCharge(charge, limit)).accountCharge === expected;
}

async function calculateMany({ pricing }: Endpoint): Promise<boolean> {
  const requests = Array.from({ length: 100 }, () => charge);
  const { results } = await pricing.batchCalculateCharges({ requests }, limit);
  const isRight = ({ result }: (typeof results)[number]) =>
    result.case === "charge" && result.value.accountCharge === expected;
  return results.length === 100 && results.every(isRight);
}

async function allocate({ pricing }: Endpoint): Promise<boolean> {
  const accountUsages = Array.from({ length: 100 }, (_, i) => ({
    accountId: `account-${i}`,
    usage: "1",
  }));
  const { usageRatio: _, ...terms } = charge;
  const request = { terms: { ...terms, currencyCode: "USD" }, accountUsages };
  const { accountCharges } = await pricing.allocateCharges(request, limit);
  // 1251.25 in 100 equal parts: 12.5125 each.
  return accountCharges.every(({ accountCharge }) => /^12\.5[12]$/.test(accountCharge));
}

async function update({ pricing }: Endpoint, i: number): Promise<boolean> {
  const key = { chargeType: "completion", provider: "mistral", model: "mistral-large-latest" };
  const price = `1.3${(i % 9) + 1}`;
  const { llmPrice } = await pricing.updateLLMPrice({ lookup: byKey(key), price }, limit);
  return llmPrice?.price === price;
}

const calculationsASecond = 40;
const limit = { timeoutMs: 15_000 };
