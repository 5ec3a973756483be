import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { buildIfChanged } from "../../bench/support/build.js";
import type { Client } from "./clients.js";

/** The variables that set a client's credentials. */
export type Credentials = {
  readonly LLMPRICES_CA_FILE?: string;
  readonly LLMPRICES_TOKEN?: string;
};

/**
 * Builds a client by its `build.sh`, unless the contract and the client's files have not changed since
 * the last build. Returns whether it ran.
 *
 * @throws Error that names a missing command, or has the output of the failed build.
 */
export async function buildClient(client: Client): Promise<boolean> {
  for (const [command, what] of Object.entries(client.needs)) {
    if (!isThere(command)) throw new Error(`${command} is missing: this client needs ${what}`);
  }
  return buildIfChanged(`examples-${client.folder}`, ["proto", `examples/${client.folder}`], () =>
    run(client, ["./build.sh"], buildTimeoutMs),
  );
}

/**
 * Runs a command in a client's folder and returns its standard output. Of the variables that set a
 * client's credentials, it gets only those in `credentials`.
 *
 * @throws Error with `stdout` and `stderr` if it fails.
 */
export async function run(
  client: Client,
  command: readonly string[],
  timeoutMs: number,
  credentials: Credentials = {},
): Promise<string> {
  const [file = "", ...args] = command;
  const { LLMPRICES_CA_FILE: _, LLMPRICES_TOKEN: __, ...inherited } = process.env;
  const env = { ...inherited, ...credentials };
  const options = { cwd: folderOf(client), env, timeout: timeoutMs, maxBuffer: 2 ** 26 };
  return (await promisify(execFile)(file, args, options)).stdout;
}

function isThere(command: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function folderOf(client: Client): string {
  return fileURLToPath(new URL(`../../examples/${client.folder}`, import.meta.url));
}

export const buildTimeoutMs = 1_200_000;
