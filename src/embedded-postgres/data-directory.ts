import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chown,
  lstat,
  readdir,
  readFile,
  realpath,
  rm,
  rmdir,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { createAtomically } from "./atomic-directory.js";
import type { Binaries } from "./binaries.js";
import { canTraverse, createSystemDirectory, ensureRootDirectory } from "./file-access.js";
import type { OsUser } from "./os-user.js";
import { ensurePassword, findPassword } from "./password.js";

const run = promisify(execFile);

/** The name of the superuser, which owns all objects of the database. */
export const SUPERUSER = "postgres";

/** A data directory of PostgreSQL that a server can run on, and the superuser's password. */
export type DataDirectory = { readonly folder: string; readonly password: string };

export type DataDirectoryOptions = {
  readonly dataDir: string;
  readonly binaries: Binaries;
  readonly user: OsUser | undefined;
  /** Whether initdb waits until its files are on disk, so that they survive a power failure. */
  readonly durable: boolean;
  readonly log: (message: string) => void;
};

/**
 * Opens PostgreSQL's data directory at `<dataDir>/postgres`, and creates it when it is missing. The
 * path is a symbolic link when PostgreSQL's OS user cannot reach `dataDir`.
 *
 * @throws Error when the path has another major version or another owner, or is no data directory.
 */
export async function openDataDirectory(options: DataDirectoryOptions): Promise<DataDirectory> {
  const path = join(options.dataDir, "postgres");
  if (await isAbsentOrEmpty(path)) await createDataDirectory(path, options);
  const folder = await realpath(path).catch(() => {
    throw new Error(
      `${path} links to a folder that is gone; remove the link to start without data`,
    );
  });
  await checkDataDirectory(folder, options);
  const password = await findPassword(options.dataDir);
  if (password === undefined) {
    throw new Error(
      `${options.dataDir} holds a cluster but not its password; restore postgres-password`,
    );
  }
  return { folder, password };
}

/** Returns true when `path` does not exist, or is an empty directory. */
async function isAbsentOrEmpty(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return true;
  return found.isDirectory() && (await readdir(path).catch(() => [path])).length === 0;
}

async function createDataDirectory(path: string, options: DataDirectoryOptions): Promise<void> {
  const { user } = options;
  if (user === undefined || (await canTraverse(path, user))) {
    await createAtomically(path, (content, workDir) => initialize(content, workDir, options));
    return;
  }
  const home = join(await createSystemDirectory(user), "clusters");
  await ensureRootDirectory(home);
  const folder = join(home, randomBytes(8).toString("hex"));
  await createAtomically(folder, (content, workDir) => initialize(content, workDir, options));
  try {
    // Unlike a rename, a symbolic link does not replace an empty directory.
    await rmdir(path).catch(() => undefined);
    await symlink(folder, path);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw error;
  }
  const reason = `the OS user "${user.name}" cannot reach ${options.dataDir}`;
  options.log(`PostgreSQL's files are in ${folder}, since ${reason}; ${path} links to them`);
}

async function initialize(
  content: string,
  workDir: string,
  options: DataDirectoryOptions,
): Promise<void> {
  const { binaries, dataDir, durable, user } = options;
  // Inside the private directory: initdb runs as a user that cannot read the file in dataDir.
  const passwordFile = join(workDir, "password");
  await writeFile(passwordFile, `${await ensurePassword(dataDir)}\n`, { mode: 0o600 });
  if (user !== undefined) {
    await chown(passwordFile, user.uid, user.gid);
    await chown(workDir, user.uid, user.gid);
  }
  const args = [
    `--pgdata=${content}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--no-locale",
    "--no-instructions",
    ...(durable ? [] : ["--no-sync"]),
  ];
  const identity = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  await run(binaries.initdb, args, { ...identity, cwd: "/", env: { LC_ALL: "C" } }).catch(
    (cause) => {
      throw new Error(`initdb failed: ${cause.stderr?.trim() || cause.message}`, { cause });
    },
  );
}

async function checkDataDirectory(
  folder: string,
  { binaries, user }: DataDirectoryOptions,
): Promise<void> {
  const { uid } = await stat(folder);
  const expected = user?.uid ?? process.geteuid?.();
  if (uid !== expected) {
    throw new Error(
      `${folder} belongs to the OS user with uid ${uid}, but PostgreSQL would run with uid ${expected}; ` +
        "start as that user, or set DATA_DIR to another folder",
    );
  }
  if (!(await canTraverse(folder, user))) {
    throw new Error(
      `The OS user "${user?.name}" cannot reach ${folder}: it may not enter a folder above it`,
    );
  }
  const version = await readFile(join(folder, "PG_VERSION"), "utf8").catch(() => undefined);
  if (version === undefined)
    throw new Error(`${folder} is not empty and is not a PostgreSQL cluster`);
  const [major] = binaries.version.split(".");
  if (version.trim() !== major) {
    throw new Error(
      `${folder} was made by PostgreSQL ${version.trim()}, and this is PostgreSQL ${major}; ` +
        "dump and restore it with that version, or set DATA_DIR to another folder",
    );
  }
}
