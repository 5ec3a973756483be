import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Creates a directory and its parents, unless they exist.
 *
 * Does not use `mkdir`'s option `recursive`: Node retries forever when a file system that takes no
 * directories returns ENOENT, as /proc does.
 *
 * @throws Error of the system when it cannot create the directory, or when a file has its name.
 */
export async function ensureDirectory(directory: string, mode: number): Promise<void> {
  try {
    await mkdir(directory, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await isDirectory(directory))) return;
    const parent = dirname(directory);
    if (code !== "ENOENT" || (await isDirectory(parent))) throw error;
    await ensureDirectory(parent, mode);
    await mkdir(directory, { mode });
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
