import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/**
 * Compiles the service, so that measurements include no time or memory of a TypeScript loader. Does
 * nothing when the sources have not changed since the last build, which all suites share.
 */
export async function buildService(): Promise<void> {
  await buildIfChanged("service", serviceSources, async () => {
    await promisify(execFile)("npm", ["run", "--silent", "build"], { cwd: repository });
  });
}

/**
 * Runs `build` unless it has already run for the same sources. `sources` are paths relative to the
 * repository's root. Returns whether `build` ran.
 */
export async function buildIfChanged(
  name: string,
  sources: readonly string[],
  build: () => Promise<unknown>,
): Promise<boolean> {
  const stamp = join(repository, "dist/stamps", name);
  const digest = await digestFiles(sources);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return false;
  await build();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
  return true;
}

/** Hashes the names and contents of all files under the paths, without those that git ignores. */
async function digestFiles(paths: readonly string[]): Promise<string> {
  const list = ["ls-files", "--cached", "--others", "--exclude-standard", "--"];
  const { stdout } = await promisify(execFile)("git", [...list, ...paths], { cwd: repository });
  const digest = createHash("sha256");
  for (const path of stdout.trim().split("\n").sort()) {
    const file = join(repository, path);
    // git also lists files that were deleted since the last commit.
    digest.update(`${path}\0`).update(existsSync(file) ? readFileSync(file) : "");
  }
  return digest.digest("hex");
}

const repository = fileURLToPath(new URL("../..", import.meta.url));
const serviceSources = [
  ...["src", "migrations", "knexfile.ts", "tsconfig.json", "tsconfig.build.json"],
  ...["package.json", "package-lock.json"],
];
