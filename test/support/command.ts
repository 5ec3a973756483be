import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { formatAddress } from "../../src/server/address.js";
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

/** How the command is started from its source, in whatever folder. */
export const commandLine = {
  program: process.execPath,
  before: ["--import", import.meta.resolve("tsx"), fileURLToPath(main())],
};

function main(): URL {
  return new URL("../../src/main.ts", import.meta.url);
}
