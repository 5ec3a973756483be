import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Creates a folder, and those above it, unless it is there.
 *
 * Not by `mkdir`'s own `recursive`: where a file system answers ENOENT for a folder that it takes in
 * no case, as /proc does, Node tries for ever.
 *
 * @throws Error of the system when it cannot be created, or something else is there.
 */
export async function ensureDirectory(folder: string, mode: number): Promise<void> {
  try {
    await mkdir(folder, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await isDirectory(folder))) return;
    const parent = dirname(folder);
    if (code !== "ENOENT" || (await isDirectory(parent))) throw error;
    await ensureDirectory(parent, mode);
    await mkdir(folder, { mode });
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
