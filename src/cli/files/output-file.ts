import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { usageError } from "../exit-codes.js";
import { writeOutput } from "../output/stdout.js";

/** A file that appears under its name only when it is complete. */
export type OutputFile = {
  /** Writes text, and waits while the reader is slow. */
  readonly write: (text: string) => Promise<void>;
  /** Moves the complete file to its name. */
  readonly commit: () => Promise<void>;
  /** Closes the file, and deletes it if it was not committed. */
  readonly close: () => Promise<void>;
};

/** Opens a file for writing, or standard output for `-`. @throws Failure naming the file. */
export async function openOutputFile(file: string): Promise<OutputFile> {
  if (file === "-") return { write: writeOutput, commit: async () => {}, close: async () => {} };
  // A special file, such as /dev/null, is written in place and never replaced by a regular file.
  const isReplaced = (await stat(file).catch(() => undefined))?.isFile() ?? true;
  const path = isReplaced ? `${file}.partial` : file;
  let handle: FileHandle;
  try {
    handle = await open(path, "w");
  } catch (error) {
    throw usageError(`${file} cannot be written: ${(error as Error).message}`, error);
  }
  let isCommitted = !isReplaced;
  return {
    write: async (text) => void (await handle.writeFile(text)),
    commit: async () => {
      await handle.sync().catch(() => {});
      if (isReplaced) await rename(path, file);
      isCommitted = true;
    },
    close: async () => {
      await handle.close();
      if (!isCommitted) await rm(path, { force: true });
    },
  };
}
