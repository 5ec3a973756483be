import type { Stats } from "node:fs";
import { access, chmod, constants, lstat, mkdir, realpath, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { OsUser } from "./os-user.js";

/** Whether PostgreSQL, running as `user` (undefined: as us), may read and execute or enter `path`. */
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

/** Whether `user` (undefined: we) may pass through every folder above `path`. */
export async function canTraverse(path: string, user: OsUser | undefined): Promise<boolean> {
  if (user === undefined) return true;
  let folder = await realpath(dirname(path));
  for (;;) {
    if (!permits(await stat(folder), user, 0o1)) return false;
    if (folder === dirname(folder)) return true;
    folder = dirname(folder);
  }
}

/**
 * Root's folder for what `user` must reach but cannot where it lies: /var/lib/llmprices, or one in the
 * folder for temporary files when /var/lib cannot be written.
 * @throws Error when neither can be used.
 */
export async function createSystemDirectory(user: OsUser): Promise<string> {
  const refusals: string[] = [];
  for (const folder of ["/var/lib/llmprices", join(tmpdir(), "llmprices")]) {
    try {
      await ensureRootDirectory(folder);
      if (await canExecute(folder, user)) return folder;
      refusals.push(`${folder} cannot be reached by the OS user "${user.name}"`);
    } catch (error) {
      refusals.push((error as Error).message);
    }
  }
  throw new Error(
    `There is no place that the OS user "${user.name}" can reach: ${refusals.join("; ")}. ` +
      "Install to a folder that all may enter, or run as an ordinary user, or set DATABASE_URL.",
  );
}

/** Creates a folder of root's that all may enter, or confirms that it is one. */
export async function ensureRootDirectory(folder: string): Promise<void> {
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  const found = await lstat(folder);
  // In a folder for temporary files anyone could have put theirs here first.
  if (!found.isDirectory() || found.uid !== 0 || (found.mode & 0o022) !== 0) {
    throw new Error(`${folder} is not a folder that only root can write`);
  }
  await chmod(folder, 0o755);
}

function permits(found: Stats, user: OsUser, bits: number): boolean {
  const shift = found.uid === user.uid ? 6 : found.gid === user.gid ? 3 : 0;
  return ((found.mode >> shift) & bits) === bits;
}
