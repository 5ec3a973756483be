import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
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

/** Runs `llmprices` as a process, and waits until it exits. */
export async function llmprices(
  parameters: readonly string[],
  { env = {}, input = "" }: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(process.execPath, [...llmpricesArguments, ...parameters], {
    env: { ...process.env, NO_COLOR: "1", ...env },
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

/** Returns a function like `llmprices` whose commands call the service's gRPC listener. */
export function commandsFor({ server }: Pick<TestService, "server">) {
  const env = { LLMPRICES_ADDRESS: formatAddress(server.grpcAddress) };
  return (parameters: readonly string[], options: CommandOptions = {}) =>
    llmprices(parameters, { ...options, env: { ...env, ...options.env } });
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
