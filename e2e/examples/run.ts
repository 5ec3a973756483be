import { buildService } from "../../bench/support/build.js";
import { startService, withDataFolder } from "../../bench/support/service.js";
import { readSuiteArguments } from "../../bench/support/suite-arguments.js";
import { answerCount, compareAnswers, type Difference } from "./answers.js";
import { buildClient, run } from "./build.js";
import { type Client, clients } from "./clients.js";
import {
  checkCredentials,
  credentialCheckCount,
  type SecureService,
  startSecureService,
} from "./secure-service.js";
import { openUnsteadyListener, type UnsteadyListener } from "./unsteady-listener.js";
import { calculateWidestCharge } from "./widest-charge.js";

/** What the clients call. */
type Servers = {
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly unsteady: UnsteadyListener;
  readonly secure: SecureService;
  /** The charge with the most digits, as the service has answered. */
  readonly widestCharge: string;
};

/** The outcome of a client. */
type Result = {
  readonly passed: number;
  readonly problems: readonly string[];
  readonly summary: string;
};

function printResult(client: Client, result: Result): void {
  const verdict = result.problems.length === 0 ? "" : `, ${result.problems.length} wrong`;
  console.log(`${client.name.padEnd(20)} ${result.summary}${verdict}`);
  for (const problem of result.problems) console.log(problem.replaceAll(/^/gm, "    "));
}

async function buildAndRun(client: Client, servers: Servers): Promise<Result> {
  const [isNew, buildMs] = await timed(buildClient(client));
  const name = client.folder.replaceAll("-", "_");
  servers.unsteady.rejectNext(rejections);
  const [printed, scenarioMs] = await timed(runPrograms(client, name, servers));
  const lines = printed.trimEnd().split("\n");
  const problems = compareAnswers(name, lines).map(describe);
  if (servers.unsteady.rejectionsLeft() > 0) problems.push("it made fewer attempts than it had to");
  const [firstCharge = ""] = lines;
  problems.push(...(await checkCredentials(client, servers.secure, firstCharge, timeoutMs)));
  problems.push(...(await checkDecimals(client, servers.widestCharge)));
  const checkCount = answerCount + credentialCheckCount + (client.decimals === undefined ? 0 : 1);
  return {
    passed: Math.max(0, checkCount - problems.length),
    problems,
    summary:
      `${lines.length} answers in ${seconds(scenarioMs)}, TLS and a token, ` +
      (isNew ? `built in ${seconds(buildMs)}` : "built before"),
  };
}

/** Runs what docs/decimals.md shows, which ends with an error if something there is untrue. */
async function checkDecimals(client: Client, widestCharge: string): Promise<readonly string[]> {
  if (client.decimals === undefined) return [];
  const seen = (await run(client, client.decimals, timeoutMs)).trim();
  return seen === widestCharge ? [] : [`decimals: ${describe({ expected: widestCharge, seen })}`];
}

async function runPrograms(client: Client, name: string, servers: Servers): Promise<string> {
  const address = servers[client.listener];
  const first = await run(client, [...client.firstCharge, address], timeoutMs);
  const fromUsage = [...client.firstChargeFromUsage, address, "../anthropic-message.json"];
  const second = await run(client, fromUsage, timeoutMs);
  const scenario = [...client.scenario, address, name, servers.unsteady.address];
  return first + second + (await run(client, scenario, timeoutMs));
}

function toFailure(error: Error & { readonly stdout?: string; readonly stderr?: string }): Result {
  const text = [error.message, error.stdout, error.stderr].filter(Boolean).join("\n");
  const lines = text.trim().split("\n").slice(-linesShown);
  return { passed: 0, problems: [lines.join("\n")], summary: "failed" };
}

async function timed<T>(work: Promise<T>): Promise<readonly [T, number]> {
  const began = performance.now();
  return [await work, performance.now() - began];
}

function describe({ expected, seen }: Difference): string {
  return `expected ${expected}\nseen     ${seen}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

const timeoutMs = 120_000;
/** Fewer than the attempts of each client. */
const rejections = 2;
const linesShown = 40;

/** Builds clients, so that a later run only starts them. */
async function buildClients(built: readonly Client[]): Promise<void> {
  for (const client of built) {
    const result = await timed(buildClient(client)).then(
      ([, ms]) => ({ passed: 1, problems: [], summary: `built in ${seconds(ms)}` }),
      toFailure,
    );
    printResult(client, result);
    results.push(result);
  }
}

async function runClients(started: readonly Client[], secure: SecureService): Promise<void> {
  await withDataFolder(async (folder) => {
    const service = await startService(folder);
    const unsteady = await openUnsteadyListener(service);
    try {
      const widestCharge = await calculateWidestCharge(service.grpcAddress);
      const servers = { ...service, unsteady, secure, widestCharge };
      for (const client of started) {
        const result = await buildAndRun(client, servers).catch(toFailure);
        printResult(client, result);
        results.push(result);
      }
    } finally {
      unsteady.close();
      await service.stop();
    }
  });
}

// All clients, or those whose folders are named. With --build, only builds them.
const { includes, has } = readSuiteArguments(
  clients.map(({ folder }) => folder),
  { flags: ["build"] },
);
const results: Result[] = [];
const chosen = clients.filter(({ folder }) => includes(folder));
if (has("build")) await buildClients(chosen);
else {
  await buildService();
  await withDataFolder(async (folder) => {
    const secure = await startSecureService(folder);
    await runClients(chosen, secure).finally(secure.stop);
  });
}
const passed = results.reduce((sum, result) => sum + result.passed, 0);
const failed = results.reduce((sum, result) => sum + result.problems.length, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
