import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { usageError } from "../exit-codes.js";

/** A file that is read once, from its beginning, as fast as its rows are taken. */
export type InputFile = {
  /** As in messages. */
  readonly name: string;
  readonly bytes: Readable;
  /** Undefined: nobody knows, as with a pipe. */
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
    const found = await handle.stat();
    if (found.isDirectory()) throw new Error("it is a directory");
    const bytes = handle.createReadStream({ highWaterMark: 256 * 1024 });
    const sizeBytes = found.isFile() ? found.size : undefined;
    return { name: file, bytes, sizeBytes, readBytes: () => bytes.bytesRead };
  } catch (error) {
    throw usageError(`${file} cannot be read: ${(error as Error).message}`, error);
  }
}
