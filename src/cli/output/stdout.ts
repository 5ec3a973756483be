import { once } from "node:events";

let isTerminal = false;

/** Writes to standard output, no faster than its reader takes it; ends with a reader that leaves. */
export async function writeOutput(text: string): Promise<void> {
  if (!isTerminal) process.stdout.on("error", endWithReader);
  isTerminal = true;
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

/** One that has seen enough, like `head`, is no failure. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit();
  throw error;
}
