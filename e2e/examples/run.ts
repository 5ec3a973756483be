import { buildService } from "../../bench/support/build.js";
import { startService, withDataFolder } from "../../bench/support/service.js";
import { readSuiteArguments } from "../../bench/support/suite-arguments.js";
import { answerCount, compareAnswers, type Difference } from "./answers.js";
import { buildClient, run } from "./build.js";
import { type Client, clients } from "./clients.js";
import { openUnsteadyDoor, type UnsteadyDoor } from "./unsteady-listener.js";

/** Where the clients call. */
type Doors = {
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly unsteady: UnsteadyDoor;
};

/** How a client fared. */
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

async function buildAndRun(client: Client, doors: Doors): Promise<Result> {
  const [isNew, buildMs] = await timed(buildClient(client));
  const name = client.folder.replaceAll("-", "_");
  doors.unsteady.refuseNext(refusals);
  const [printed, storyMs] = await timed(tell(client, name, doors));
  const lines = printed.trimEnd().split("\n");
  const problems = compareAnswers(name, lines).map(describe);
  if (doors.unsteady.refusalsLeft() > 0)
    problems.push("it was refused less often than it had to be");
  return {
    passed: Math.max(0, answerCount - problems.length),
    problems,
    summary:
      `${lines.length} answers in ${seconds(storyMs)}, ` +
      (isNew ? `built in ${seconds(buildMs)}` : "built before"),
  };
}

async function tell(client: Client, name: string, doors: Doors): Promise<string> {
  const address = doors[client.door];
  const first = await run(client, [...client.firstCharge, address], timeoutMs);
  const story = [...client.story, address, name, doors.unsteady.address];
  return first + (await run(client, story, timeoutMs));
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
/** Fewer than the attempts that the clients make. */
const refusals = 2;
const linesShown = 40;

/** Builds every client, so that a later run has only to start them. */
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

async function runClients(started: readonly Client[], folder: string): Promise<void> {
  const service = await startService(folder);
  const unsteady = await openUnsteadyDoor(service);
  try {
    for (const client of started) {
      const result = await buildAndRun(client, { ...service, unsteady }).catch(toFailure);
      printResult(client, result);
      results.push(result);
    }
  } finally {
    unsteady.close();
    await service.stop();
  }
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
  await withDataFolder((folder) => runClients(chosen, folder));
}
const passed = results.reduce((sum, result) => sum + result.passed, 0);
const failed = results.reduce((sum, result) => sum + result.problems.length, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
