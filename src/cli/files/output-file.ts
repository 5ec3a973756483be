import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { usageError } from "../exit-codes.js";
import { writeOutput } from "../output/stdout.js";

/** A file that is there as a whole, or not at all. */
export type OutputFile = {
  /** Waits when what reads it is slow. */
  readonly write: (text: string) => Promise<void>;
  /** All has been written: the file is there from now on. */
  readonly commit: () => Promise<void>;
  /** Leaves nothing behind of what was not kept. */
  readonly close: () => Promise<void>;
};

/** Opens a file to be written, or standard output for `-`. @throws Failure naming the file. */
export async function openOutputFile(file: string): Promise<OutputFile> {
  if (file === "-") return { write: writeOutput, commit: async () => {}, close: async () => {} };
  // What is no ordinary file, like /dev/null, is not to be replaced by one.
  const isReplaced = (await stat(file).catch(() => undefined))?.isFile() ?? true;
  const path = isReplaced ? `${file}.partial` : file;
  let handle: FileHandle;
  try {
    handle = await open(path, "w");
  } catch (error) {
    throw usageError(`${file} cannot be written: ${(error as Error).message}`, error);
  }
  let isKept = !isReplaced;
  return {
    write: async (text) => void (await handle.writeFile(text)),
    commit: async () => {
      await handle.sync().catch(() => {});
      if (isReplaced) await rename(path, file);
      isKept = true;
    },
    close: async () => {
      await handle.close();
      if (!isKept) await rm(path, { force: true });
    },
  };
}
