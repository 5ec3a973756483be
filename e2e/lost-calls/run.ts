import { create, toBinary } from "@bufbuild/protobuf";
import { buildService } from "../../bench/support/build.js";
import { createChecks } from "../../bench/support/checks.js";
import { toUrl } from "../../bench/support/database.js";
import { withDataFolder } from "../../bench/support/service.js";
import { readSuiteArguments } from "../../bench/support/suite-arguments.js";
import { CalculateChargeRequestSchema } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { createTestDatabase, startTestServer } from "../../test/support/postgres.js";
import { type Replica, startReplica } from "../fault-injection/environment/replica.js";
import { startCaller } from "./caller.js";
import { readDocumentedCodes } from "./documented-codes.js";
import type { Failure } from "./failure.js";
import { type Outcome, runScenario, untilAllCall } from "./run-scenario.js";
import { type Scenario, scenarios } from "./scenarios.js";
import { stacks as allStacks, buildCaller, callsAtATime, type Stack, titleOf } from "./stacks.js";
import { countBy, printRows, type Row } from "./table.js";
import * as worst from "./worst-errors.js";

/*
 * Client libraries, without retries of our own and with those of the examples, call a service that stops,
 * that ends connections at their age, and that is killed. Counts the calls that each library loses, and
 * checks every response.
 * Also checks that each library receives the longest errors of the service whole.
 */

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
    const run = async (
      name: string,
      { settings = {}, parameters = [] }: Partial<Pick<Scenario, "settings" | "parameters">>,
      work: (replica: Replica) => Promise<void>,
    ) => {
      if (!chosenScenarios.includes(name)) return;
      const startedAt = performance.now();
      await withReplica(folder, name, settings, parameters, work).catch((error: Error) =>
        checks.check(`${name} runs to its end`, false, error.stack),
      );
      console.log(`        ${name}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
    };
    await run("errors", {}, checkWorstErrors);
    for (const scenario of scenarios) {
      await run(scenario.name, scenario, async (replica) => {
        const callers = stacks.map((stack) => start(stack, replica));
        const times = isLong ? scenario.timesIfLong : scenario.times;
        const outcomes = await runScenario(scenario, replica, callers, times);
        for (const outcome of outcomes) checkOutcome(scenario, outcome);
      });
    }
  });
} finally {
  await server.stop();
}
console.log();
printRows(rows);
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
  parameters: readonly string[],
  work: (replica: Replica) => Promise<void>,
): Promise<void> {
  const database = await createTestDatabase();
  const environment = { DATABASE_URL: toUrl(database.connection), ...settings };
  const replica = await startReplica(name, folder, environment, { parameters });
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

function start(stack: Stack, replica: Replica) {
  const usageRatio = { case: "accountUsageRatio", value: "1" } as const;
  const charge = create(CalculateChargeRequestSchema, { ...key, usageRatio });
  return startCaller(
    stack,
    replica[stack.listener],
    toBinary(CalculateChargeRequestSchema, charge),
  );
}

async function checkWorstErrors(replica: Replica): Promise<void> {
  await worst.writeLongNames(replica.grpc);
  const sent: worst.SentError[] = [];
  for (const request of worst.worstRequests) {
    const error = await worst.fetchError(replica.httpAddress, request);
    const bytes = worst.countTrailerBytes(error);
    checks.check(`the error about ${request.what} is long`, bytes > 4000, `${bytes} bytes`);
    sent.push(error);
  }
  for (const stack of stacks) {
    const caller = start(stack, replica);
    await untilAllCall([caller]).finally(caller.stop);
    for (const [i, error] of sent.entries()) {
      const loss = worst.findLoss(error, caller.worst()[i]);
      const what = `${titleOf(stack)} receives the error about ${worst.worstRequests[i]?.what}`;
      checks.check(what, loss === undefined, loss);
    }
  }
}

function checkOutcome(scenario: Scenario, outcome: Outcome): void {
  const { caller, right, errors, notSent, lost, mostEnds } = outcome;
  const { stack, wrong } = caller;
  const title = `${titleOf(stack)}, a service that ${scenario.what}`;
  rows.push({
    ...{ scenario: scenario.what, stack: titleOf(stack), right },
    ...{ errors: errors.length, notSent: notSent.length },
    lost: countBy(lost, ({ code }) => code),
  });
  checks.check(`${title}: ${right} right charges, no wrong one`, wrong.length === 0, wrong[0]);
  const isAllowed = ({ code }: Failure) => scenario.hasRestarts && code === "UNAVAILABLE";
  const others = errors
    .filter((each) => !isAllowed(each))
    .map(({ code, text }) => `${code} ${text}`);
  const what = scenario.hasRestarts
    ? "errors with details are UNAVAILABLE"
    : "no error has details";
  checks.check(`${title}: ${what}`, others.length === 0, others[0]);
  const texts = Object.keys(countBy(lost, ({ code, text }) => `${code} ${text}`)).join("; ");
  if (scenario.name === "kill" && !stack.retries) {
    const documented = documentedCodes.get(stack.name);
    const isDocumented = documented !== undefined && lost.every(({ code }) => documented.has(code));
    checks.check(`${title}: calls fail with the documented codes`, isDocumented, texts);
  } else {
    const { mostLostPerEnd } = stack;
    // Few ends may be far from the average.
    const most = mostLostPerEnd === 0 ? 0 : mostEnds * mostLostPerEnd + callsAtATime;
    const what = `${title}: ${lost.length} of at most ${most} calls lost`;
    checks.check(what, lost.length <= most, texts);
  }
}
