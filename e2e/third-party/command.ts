import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

/** The outcome of a tool. */
export type Result = {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
};

/** Runs a tool in `folder`, by default the repository's root, until it ends. */
export function run(
  command: string,
  args: readonly string[],
  folder = repository,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, timeout: timeoutMs, maxBuffer: maxOutputBytes };
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : error.code;
      if (typeof exitCode === "number") resolve({ exitCode, stdout, stderr });
      else reject(error);
    });
    child.stdin?.end();
  });
}

/** Returns the output of a tool that succeeds. */
export async function outputOf(
  command: string,
  args: readonly string[],
  folder?: string,
): Promise<string> {
  const { exitCode, stdout, stderr } = await run(command, args, folder);
  expect(exitCode, `${command} says:\n${stdout}${stderr}`).to.equal(0);
  return stdout;
}

/** Returns the path of a tool, or undefined if it is not on the PATH. */
export function findCommand(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(":");
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const repository = fileURLToPath(new URL("../..", import.meta.url));
const timeoutMs = 120_000;
const maxOutputBytes = 16 * 1024 * 1024;
