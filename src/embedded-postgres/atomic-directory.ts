import { mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

const PREFIX = ".new-";
const LEFTOVER_AGE_MS = 3_600_000;

/**
 * Makes the folder `target` appear complete or not at all: `fill` creates `content` inside `staging`, a
 * private folder beside `target`, and a rename puts it in place. False when another process came first.
 */
export async function createAtomically(
  target: string,
  fill: (content: string, staging: string) => Promise<void>,
): Promise<boolean> {
  const parent = dirname(target);
  await removeLeftovers(parent);
  const staging = await mkdtemp(join(parent, PREFIX));
  try {
    const content = join(staging, "content");
    await fill(content, staging);
    return await moveIfFree(content, target);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function moveIfFree(content: string, target: string): Promise<boolean> {
  try {
    await rename(content, target);
    return true;
  } catch (error) {
    // ENOTDIR: the other one put a symbolic link there.
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["EEXIST", "ENOTEMPTY", "ENOTDIR"].includes(code)) return false;
    throw error;
  }
}

/** Removes what killed processes left in `parent`: filling takes seconds, and these are old. */
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
