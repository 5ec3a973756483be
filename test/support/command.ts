import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { formatAddress } from "../../src/config/address.js";
import type { TestService } from "./service.js";

/** What has become of a command. */
export type Finished = {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
};

export type CommandOptions = {
  readonly env?: Readonly<Record<string, string>>;
  /** What the command reads from its standard input; nothing, unless it is given. */
  readonly input?: string;
};

/** Runs `llmprices` as a person does, and waits for its end. */
export async function llmprices(
  parameters: readonly string[],
  { env = {}, input = "" }: CommandOptions = {},
): Promise<Finished> {
  const { program, before } = commandLine;
  const child = spawn(program, [...before, ...parameters], {
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

/** The same for commands that call a service: at its gRPC door. */
export function commandsFor({ server }: Pick<TestService, "server">) {
  const env = { LLMPRICES_ADDRESS: formatAddress(server.grpcAddress) };
  return (parameters: readonly string[], options: CommandOptions = {}) =>
    llmprices(parameters, { ...options, env: { ...env, ...options.env } });
}

/** How the command is started: compiled, since loading TypeScript takes longer than most commands. */
export const commandLine = { program: process.execPath, before: [compile()] };

/** Compiles the program into a folder of this process's, from which it finds its packages. */
function compile(): string {
  const folder = fileURLToPath(new URL(`../../dist/test-${process.pid}`, import.meta.url));
  const source = fileURLToPath(new URL("../../src", import.meta.url));
  buildSync({ entryPoints: [`${source}/**/*.ts`], outbase: source, outdir: folder, format: "esm" });
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return `${folder}/main.js`;
}
