import { AsyncLocalStorage } from "node:async_hooks";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { runCommandLine } from "../../src/cli/run-command-line.js";
import { formatAddress } from "../../src/config/address.js";
import type { TestService } from "./service.js";

/** The exit code and the output of a command. */
export type CommandResult = {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
};

export type CommandOptions = {
  readonly env?: Readonly<Record<string, string>>;
  /** The standard input of the command. Default: empty. */
  readonly input?: string;
};

/** Runs `llmprices` in this process, with its own standard streams and environment. */
export async function llmprices(
  parameters: readonly string[],
  { env = {}, input = "" }: CommandOptions = {},
): Promise<CommandResult> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const ownProcess = {
    env: toEnvironment(env),
    stdin: Readable.from([Buffer.from(input)], { objectMode: false }),
    stdout,
    stderr,
  };
  const command = runningCommand.run(ownProcess, async () => {
    const code = await runCommandLine(parameters);
    stdout.end();
    stderr.end();
    return code;
  });
  const [code, output, errors] = await Promise.all([command, text(stdout), text(stderr)]);
  return { code, output, errors };
}

/** Runs `llmprices` as a process, and waits until it exits. */
export async function llmpricesProcess(
  parameters: readonly string[],
  { env = {}, input = "" }: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(process.execPath, [...llmpricesArguments, ...parameters], {
    env: toEnvironment(env),
    stdio: ["pipe", "pipe", "pipe"],
  });
  // A command that does not read to the end closes the pipe.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const [[code], output, errors] = await Promise.all([
    once(child, "exit"),
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, output, errors };
}

/** Returns a function like `run` whose commands call the service's gRPC listener. */
export function commandsFor({ server }: Pick<TestService, "server">, run = llmprices) {
  const env = { LLMPRICES_ADDRESS: formatAddress(server.grpcAddress) };
  return (parameters: readonly string[], options: CommandOptions = {}) =>
    run(parameters, { ...options, env: { ...env, ...options.env } });
}

function toEnvironment(env: CommandOptions["env"]): NodeJS.ProcessEnv {
  return { ...process.env, NO_COLOR: "1", ...env };
}

/** The properties of `process` that a command in this process sees instead of the real ones. */
const runningCommand = new AsyncLocalStorage<{
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: Readable;
  readonly stdout: PassThrough;
  readonly stderr: PassThrough;
}>();
for (const name of ["env", "stdin", "stdout", "stderr"] as const) {
  const own = Object.getOwnPropertyDescriptor(process, name);
  const get = () => runningCommand.getStore()?.[name] ?? own?.value ?? own?.get?.call(process);
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get });
}

/**
 * Returns how Node starts a program of the repository: compiled if test/run.mjs has compiled it, which
 * starts much faster, else as TypeScript.
 */
export function toProgram(file: string): Program {
  const { LLMPRICES_TEST_BUILD: build } = process.env;
  if (build === undefined) return { options: ["--import", loader], path: join(repository, file) };
  return { options: [], path: join(build, file.replace(/ts$/, "js")) };
}

export type Program = { readonly options: readonly string[]; readonly path: string };

const repository = fileURLToPath(new URL("../..", import.meta.url));
const loader = new URL("typescript.js", import.meta.url).href;

const { options, path } = toProgram("src/main.ts");
/** Node's arguments that start `llmprices`; those of the command follow. */
export const llmpricesArguments = [...options, path];
