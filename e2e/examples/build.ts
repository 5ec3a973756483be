import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Client } from "./clients.js";

/**
 * Builds a client by its `build.sh`, unless the contract and the client's files are what it was
 * last built from. Answers whether it had to be.
 *
 * @throws Error naming what is missing on this machine, or with what the build printed.
 */
export async function buildClient(client: Client): Promise<boolean> {
  for (const [command, what] of Object.entries(client.needs)) {
    if (!isThere(command)) throw new Error(`${command} is missing: this client needs ${what}`);
  }
  const stamp = join(stamps, client.folder);
  const sources = await digestSources(client);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === sources) return false;
  await run(client, ["./build.sh"], buildTimeoutMs);
  mkdirSync(stamps, { recursive: true });
  writeFileSync(stamp, sources);
  return true;
}

/**
 * Runs a command in a client's folder, and answers what it wrote to its standard output.
 *
 * @throws Error when it fails, with all that it wrote as `stdout` and `stderr`.
 */
export async function run(
  client: Client,
  command: readonly string[],
  timeoutMs: number,
): Promise<string> {
  const [file = "", ...args] = command;
  const options = { cwd: folderOf(client), timeout: timeoutMs, maxBuffer: 2 ** 26 };
  return (await promisify(execFile)(file, args, options)).stdout;
}

/** Of every file of the contract and of the client that git knows or would add. */
async function digestSources(client: Client): Promise<string> {
  const list = ["ls-files", "--cached", "--others", "--exclude-standard", "--", "proto"];
  const { stdout } = await promisify(execFile)("git", [...list, folderOf(client)], {
    cwd: repository,
  });
  const digest = createHash("sha256");
  for (const path of stdout.trim().split("\n").sort()) {
    const file = join(repository, path);
    // git still lists a file that was removed since the last commit.
    digest.update(`${path}\0`).update(existsSync(file) ? readFileSync(file) : "");
  }
  return digest.digest("hex");
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

const repository = fileURLToPath(new URL("../..", import.meta.url));
const stamps = fileURLToPath(new URL("../../dist/examples", import.meta.url));
const buildTimeoutMs = 1_200_000;
