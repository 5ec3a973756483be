import { setTimeout as sleep } from "node:timers/promises";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";
import { same } from "../../../bench/support/calls.js";
import { answerJobs } from "../../../bench/support/load-process.js";
import {
  CalculateChargeRequestSchema,
  PricingService,
} from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import type { ProbeJob, ProbeReport } from "./probe.js";

/** 1000.00 × 1.25125 × 0.25, at a past time whose price cannot change. */
const message = create(CalculateChargeRequestSchema, {
  chargeType: "completion",
  provider: "anthropic",
  model: "claude-sonnet-4-5",
  providerCost: "1000.00",
  usageRatio: { case: "accountUsageRatio", value: "0.25" },
  asOf: timestampFromDate(new Date("2026-02-01")),
});
const expected = "312.8125";
const path = pathOf(PricingService.method.calculateCharge);

let calls = 0;
let worstMs = 0;
let problems: string[] = [];
let isProbing = false;

answerJobs<ProbeJob, ProbeReport>(async (job) => {
  if (!isProbing) {
    isProbing = true;
    void probe(overGrpc(job));
    void probe(overJson(job));
  }
  const report = { calls, worstMs, problems };
  [calls, worstMs, problems] = [0, 0, []];
  return report;
});

/** Repeats a call with a pause. */
async function probe(call: () => Promise<string>): Promise<void> {
  for (;;) {
    const startedAt = performance.now();
    const answer = await call().catch((error: Error) => `${error.name}: ${error.message}`);
    calls += 1;
    worstMs = Math.max(worstMs, performance.now() - startedAt);
    if (!answer.includes(expected)) problems.push(answer.slice(0, 300));
    await sleep(intervalMs);
  }
}

function overGrpc({ grpcPort, token }: ProbeJob): () => Promise<string> {
  const client = new grpc.Client(`127.0.0.1:${grpcPort}`, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  return () =>
    new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + stallMs };
      const body = Buffer.from(toBinary(CalculateChargeRequestSchema, message));
      client.makeUnaryRequest(path, same, same, body, metadata, options, (error, answer) => {
        if (answer === undefined) reject(error);
        else resolve(answer.toString("latin1"));
      });
    });
}

function overJson({ httpPort, token }: ProbeJob): () => Promise<string> {
  const headers = {
    "content-type": "application/json",
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  return async () => {
    const signal = AbortSignal.timeout(stallMs);
    const body = toJsonString(CalculateChargeRequestSchema, message);
    const url = `http://127.0.0.1:${httpPort}${path}`;
    return (await fetch(url, { method: "POST", headers, body, signal })).text();
  };
}

const intervalMs = 50;
const stallMs = 20_000;
