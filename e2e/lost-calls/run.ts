import { setTimeout as sleep } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { buildService } from "../../bench/support/build.js";
import { createChecks } from "../../bench/support/checks.js";
import { toUrl } from "../../bench/support/database.js";
import { withDataFolder } from "../../bench/support/service.js";
import { readSuiteArguments } from "../../bench/support/suite-arguments.js";
import { CalculateChargeRequestSchema } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { createTestDatabase, startTestServer } from "../../test/support/postgres.js";
import { type Replica, startReplica } from "../fault-injection/environment/replica.js";
import { type Caller, type Failure, startCaller } from "./caller.js";
import { readDocumentedCodes } from "./documented-codes.js";
import { type Scenario, scenarios } from "./scenarios.js";
import { stacks as allStacks, buildCaller, type Stack } from "./stacks.js";
import { printTable, type Row } from "./table.js";
import {
  countTrailerBytes,
  fetchError,
  findLoss,
  worstRequests,
  writeLongNames,
} from "./worst-errors.js";

/*
 * Client libraries without any retry of ours call a service that stops, whose connections reach
 * their age, and that is killed. Counts the calls that each library loses, checks every response, and
 * checks that each library receives the longest errors whole.
 */

/** Between two ends, so that each is that of connections in use. */
const calmMs = 500;
const recoveryMs = 60_000;

// All scenarios and all stacks, or those that are named.
const scenarioNames = ["errors", ...scenarios.map(({ name }) => name)];
const stackNames = allStacks.map(({ name }) => name);
const { includes, isLong } = readSuiteArguments([...scenarioNames, ...stackNames]);
const chosenScenarios = choose(scenarioNames);
const chosenStacks = choose(stackNames);
const stacks = allStacks.filter(({ name }) => chosenStacks.includes(name));
const checks = createChecks();
const rows: Row[] = [];
const documentedCodes = readDocumentedCodes();
const key = { chargeType: "completion", provider: "acme", model: "model" };

await buildService();
for (const stack of stacks) await buildCaller(stack);
const server = await startTestServer();
Object.assign(process.env, server.environment);
try {
  await withDataFolder(async (folder) => {
    if (chosenScenarios.includes("errors")) await withReplica(folder, "errors", {}, checkWorstErrors);
    for (const scenario of scenarios.filter(({ name }) => chosenScenarios.includes(name))) {
      await withReplica(folder, scenario.name, scenario.settings, (replica) =>
        runScenario(scenario, replica),
      );
    }
  });
} finally {
  await server.stop();
}
console.log();
printTable(rows);
console.log();
checks.print();
process.exitCode = checks.failed() === 0 ? 0 : 1;

function choose(names: readonly string[]): readonly string[] {
  const chosen = names.filter(includes);
  return chosen.length === 0 ? names : chosen;
}

/** Starts a replica with a price of 2 on a database of its own. */
async function withReplica(
  folder: string,
  name: string,
  settings: Readonly<Record<string, string>>,
  work: (replica: Replica) => Promise<void>,
): Promise<void> {
  const database = await createTestDatabase();
  const databaseUrl = toUrl(database.connection);
  const replica = await startReplica(name, folder, { DATABASE_URL: databaseUrl, ...settings });
  try {
    await replica.grpc.catalog.createProvider({ name: key.provider });
    await replica.grpc.catalog.createModel({ provider: key.provider, name: key.model });
    await replica.grpc.pricing.createLLMPrice({ ...key, price: "2" });
    await work(replica);
  } finally {
    await replica.stop();
    await database.drop();
  }
}

function start(stack: Stack, replica: Replica): Caller {
  const usageRatio = { case: "accountUsageRatio", value: "1" } as const;
  const charge = create(CalculateChargeRequestSchema, { ...key, usageRatio });
  const messages = [
    toBinary(CalculateChargeRequestSchema, charge),
    ...worstRequests.map(({ message }) => message),
  ];
  const encoded = messages.map((message) => Buffer.from(message).toString("hex"));
  return startCaller(stack, [replica[stack.listener], ...encoded]);
}

async function checkWorstErrors(replica: Replica): Promise<void> {
  await writeLongNames(replica.grpc);
  const sent = await Promise.all(
    worstRequests.map((request) => fetchError(replica.httpAddress, request)),
  );
  for (const [i, { what }] of worstRequests.entries()) {
    const bytes = sent[i] ? countTrailerBytes(sent[i]) : 0;
    checks.check(`the error about ${what} is long`, bytes > 4000, `${bytes} bytes`);
  }
  for (const stack of stacks) {
    const caller = start(stack, replica);
    await untilAllCall([caller], new Map());
    for (const [i, { what }] of worstRequests.entries()) {
      const loss = sent[i] && findLoss(sent[i], caller.worst[i]);
      checks.check(`${titleOf(stack)} receives the error about ${what}`, !loss, loss);
    }
    await caller.stop();
  }
}

async function runScenario(scenario: Scenario, replica: Replica): Promise<void> {
  const callers = stacks.map((stack) => start(stack, replica));
  try {
    await untilAllCall(callers, new Map());
    for (let i = 0; i < (isLong ? scenario.timesIfLong : scenario.times); i += 1) {
      await sleep(calmMs);
      await scenario.happen(replica);
      await untilAllCall(callers, await countAll(callers));
    }
    const counts = await countAll(callers);
    for (const caller of callers) checkCaller(scenario, caller, counts.get(caller) ?? 0);
  } finally {
    await Promise.all(callers.map(({ stop }) => stop()));
  }
}

function checkCaller(scenario: Scenario, caller: Caller, right: number): void {
  const { stack, failures, wrong } = caller;
  const title = `${titleOf(stack)}, ${scenario.what}`;
  const errors = failures.filter(({ status }) => status !== undefined);
  const notSent = scenario.hasRestarts ? failures.filter(isNotSent) : [];
  const lost = failures.filter((each) => !errors.includes(each) && !notSent.includes(each));
  const lostByCode = countBy(lost, ({ code }) => code);
  rows.push({
    ...{ scenario: scenario.what, stack: titleOf(stack), right },
    ...{ errors: errors.length, notSent: notSent.length, lost: lostByCode },
  });
  checks.check(`${title}: every charge is right`, wrong.length === 0, wrong[0]);
  const texts = Object.keys(countBy(lost, ({ code, text }) => `${code}: ${text}`)).slice(0, 4);
  if (scenario.name === "kill") {
    const documented = documentedCodes.get(stack.name);
    const others = lost.filter(({ code }) => !documented?.has(code));
    checks.check(`${title}: fails with documented codes`, others.length === 0, texts.join("; "));
  } else {
    const most = Math.floor(right * stack.maxLostShare);
    checks.check(`${title}: loses at most ${most}`, lost.length <= most, texts.join("; "));
  }
}

/** Nothing listened. Libraries repeat this error for a while instead of trying again. */
function isNotSent({ code, text }: Failure): boolean {
  return code === "UNAVAILABLE" && /connection refused|ECONNREFUSED/i.test(text);
}

/** Waits until each caller has had a right response more than in `before`. */
async function untilAllCall(
  callers: readonly Caller[],
  before: ReadonlyMap<Caller, number>,
): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    const counts = await countAll(callers);
    const idle = callers.filter((each) => (counts.get(each) ?? 0) <= (before.get(each) ?? 0));
    if (idle.length === 0) return;
    if (performance.now() - startedAt > recoveryMs) {
      const names = idle.map(({ stack }) => titleOf(stack));
      throw new Error(`not answered within ${recoveryMs} ms: ${names.join(", ")}`);
    }
    await sleep(50);
  }
}

async function countAll(callers: readonly Caller[]): Promise<ReadonlyMap<Caller, number>> {
  const counts = callers.map(async (each) => [each, await each.countRight()] as const);
  return new Map(await Promise.all(counts));
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  return counts;
}

function titleOf({ name, how }: Stack): string {
  return how === undefined ? name : `${name} (${how})`;
}
