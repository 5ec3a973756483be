import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { usageError } from "../exit-codes.js";

/** A file that is read once, from its beginning, and only as fast as its rows are processed. */
export type InputFile = {
  /** The name that messages use. */
  readonly name: string;
  readonly bytes: Readable;
  /** Undefined: the size is unknown, for example of a pipe. */
  readonly sizeBytes: number | undefined;
  readonly readBytes: () => number;
};

/** Opens a file, or standard input for `-`. @throws Failure naming the file. */
export async function openInputFile(file: string): Promise<InputFile> {
  if (file === "-") {
    const { stdin } = process;
    return { name: "stdin", bytes: stdin, sizeBytes: undefined, readBytes: () => 0 };
  }
  try {
    const handle = await open(file);
    const stats = await handle.stat();
    if (stats.isDirectory()) throw new Error("it is a directory");
    const bytes = handle.createReadStream({ highWaterMark: 256 * 1024 });
    const sizeBytes = stats.isFile() ? stats.size : undefined;
    return { name: file, bytes, sizeBytes, readBytes: () => bytes.bytesRead };
  } catch (error) {
    throw usageError(`${file} cannot be read: ${(error as Error).message}`, error);
  }
}
