import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  type BenchedService,
  buildService,
  startService,
  withDataFolder,
} from "../../bench/support/service.js";
import { answerCount, compareAnswers, type Difference } from "./answers.js";
import { type Client, clients } from "./clients.js";
import { openUnsteadyDoor, type UnsteadyDoor } from "./unsteady-door.js";

/** How a client fared. */
type Result = { readonly passed: number; readonly problems: readonly string[] };

/** Builds a client with its own tools, runs it, and prints a line on it. */
async function tryClient(client: Client, service: BenchedService, door: UnsteadyDoor) {
  const result = await buildAndRun(client, service, door).catch(toFailure);
  const verdict = result.problems.length === 0 ? "" : `, ${result.problems.length} WRONG`;
  console.log(`${client.name.padEnd(20)} ${result.summary}${verdict}`);
  for (const problem of result.problems) console.log(problem.replaceAll(/^/gm, "    "));
  return result;
}

async function buildAndRun(client: Client, service: BenchedService, door: UnsteadyDoor) {
  for (const [command, what] of Object.entries(client.needs)) refuseMissing(command, what);
  const [, buildMs] = await timed(run(client, ["./build.sh"], buildTimeoutMs));
  const name = client.folder.replaceAll("-", "_");
  const address = service[client.door];
  door.refuseNext(refusals);
  const [printed, storyMs] = await timed(tell(client, address, name, door.address));
  const lines = printed.trimEnd().split("\n");
  const problems = compareAnswers(name, lines).map(describe);
  if (door.refusalsLeft() !== 0) {
    problems.push(`it did not retry: ${door.refusalsLeft()} refusals of ${refusals} are left`);
  }
  return {
    passed: answerCount - Math.min(problems.length, answerCount),
    problems,
    summary: `${lines.length} answers in ${seconds(storyMs)}, built in ${seconds(buildMs)}`,
  };
}

async function tell(client: Client, address: string, name: string, unsteadyAddress: string) {
  const first = await run(client, [...client.firstCharge, address], runTimeoutMs);
  const story = [...client.story, address, name, unsteadyAddress];
  return first + (await run(client, story, runTimeoutMs));
}

/** Answers what the command wrote to its standard output. */
async function run(client: Client, command: readonly string[], timeout: number): Promise<string> {
  const [file = "", ...args] = command;
  const cwd = fileURLToPath(new URL(client.folder, import.meta.url));
  const options = { cwd, timeout, maxBuffer: 2 ** 26 };
  return (await promisify(execFile)(file, args, options)).stdout;
}

function toFailure(error: unknown): Result & { readonly summary: string } {
  const { message, stdout = "", stderr = "" } = error as Error & { stdout?: string; stderr?: string };
  const lines = `${message}\n${stdout}\n${stderr}`.trim().split("\n").slice(-linesShown);
  return { passed: 0, problems: [lines.join("\n")], summary: "failed" };
}

function refuseMissing(command: string, what: string): void {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const isThere = folders.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (!isThere) throw new Error(`${command} is missing; this client needs ${what}`);
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

const buildTimeoutMs = 900_000;
const runTimeoutMs = 120_000;
/** Fewer than the attempts that the clients make. */
const refusals = 2;
const linesShown = 40;

const wanted = process.argv.slice(2);
const chosen = clients.filter(({ folder }) => wanted.length === 0 || wanted.includes(folder));
const results: Result[] = [];
await buildService();
await withDataFolder(async (folder) => {
  const service = await startService(folder);
  const door = await openUnsteadyDoor(service);
  try {
    for (const client of chosen) results.push(await tryClient(client, service, door));
  } finally {
    door.close();
    await service.stop();
  }
});
const passed = results.reduce((sum, result) => sum + result.passed, 0);
const failed = results.reduce((sum, result) => sum + result.problems.length, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
