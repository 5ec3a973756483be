import { mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

const PREFIX = ".new-";
// A process fills its work directory within seconds.
const LEFTOVER_AGE_MS = 3_600_000;

/**
 * Creates the directory `target` atomically: it appears complete or not at all. `fill` creates the
 * directory `content` inside `workDir`, a private directory beside `target`, and a rename moves it
 * to `target`. Returns false when another process has created `target` first.
 */
export async function createAtomically(
  target: string,
  fill: (content: string, workDir: string) => Promise<void>,
): Promise<boolean> {
  const parent = dirname(target);
  await removeLeftovers(parent);
  const workDir = await mkdtemp(join(parent, PREFIX));
  try {
    const content = join(workDir, "content");
    await fill(content, workDir);
    return await moveUnlessTaken(content, target);
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

async function moveUnlessTaken(content: string, target: string): Promise<boolean> {
  try {
    await rename(content, target);
    return true;
  } catch (error) {
    // ENOTDIR: the other process has put a symbolic link there.
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["EEXIST", "ENOTEMPTY", "ENOTDIR"].includes(code)) return false;
    throw error;
  }
}

/** Removes work directories of killed processes from `parent`: those older than an hour. */
export async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(PREFIX)) continue;
    const path = join(parent, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > LEFTOVER_AGE_MS) {
      await rm(path, { recursive: true, force: true });
    }
  }
}
