import type { Stats } from "node:fs";
import { access, chmod, constants, lstat, mkdir, realpath, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { OsUser } from "./os-user.js";

/** Returns true when `user` may read and execute (or enter) `path`. Undefined: our own OS user. */
export async function canExecute(path: string, user: OsUser | undefined): Promise<boolean> {
  try {
    if (user === undefined) {
      await access(path, constants.R_OK | constants.X_OK);
      return true;
    }
    const real = await realpath(path);
    return permits(await stat(real), user, 0o5) && (await canTraverse(real, user));
  } catch {
    return false;
  }
}

/**
 * Returns true when `user` may traverse every directory above `path`. Undefined: our own OS user.
 */
export async function canTraverse(path: string, user: OsUser | undefined): Promise<boolean> {
  if (user === undefined) return true;
  let directory = await realpath(dirname(path));
  for (;;) {
    if (!permits(await stat(directory), user, 0o1)) return false;
    if (directory === dirname(directory)) return true;
    directory = dirname(directory);
  }
}

/**
 * Creates a directory of root for files that `user` must reach: /var/lib/llmprices, or one in the
 * directory for temporary files when /var/lib is not writable.
 *
 * @throws Error when neither is usable.
 */
export async function createSystemDirectory(user: OsUser): Promise<string> {
  const problems: string[] = [];
  for (const directory of ["/var/lib/llmprices", join(tmpdir(), "llmprices")]) {
    try {
      await ensureRootDirectory(directory);
      if (await canExecute(directory, user)) return directory;
      problems.push(`${directory} cannot be reached by the OS user "${user.name}"`);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  throw new Error(
    `There is no place that the OS user "${user.name}" can reach: ${problems.join("; ")}. ` +
      "Install to a folder that all may enter, or run as an ordinary user, or set DATABASE_URL.",
  );
}

/** Creates a directory of root that all users may enter, or checks an existing one. */
export async function ensureRootDirectory(directory: string): Promise<void> {
  await mkdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  const found = await lstat(directory);
  // In the directory for temporary files any user can create a directory of this name first.
  if (!found.isDirectory() || found.uid !== 0 || (found.mode & 0o022) !== 0) {
    throw new Error(`${directory} is not a folder that only root can write`);
  }
  await chmod(directory, 0o755);
}

function permits(found: Stats, user: OsUser, bits: number): boolean {
  const shift = found.uid === user.uid ? 6 : found.gid === user.gid ? 3 : 0;
  return ((found.mode >> shift) & bits) === bits;
}
