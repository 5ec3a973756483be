import { once } from "node:events";

let hasErrorHandler = false;

/**
 * Writes to standard output, and waits while its reader is slow. Exits when the reader closes the
 * pipe.
 */
export async function writeOutput(text: string): Promise<void> {
  if (!hasErrorHandler) process.stdout.on("error", exitOnClosedPipe);
  hasErrorHandler = true;
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

/** Exits with code 0: a reader that closes the pipe, such as `head`, is no error. */
function exitOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit();
  throw error;
}
