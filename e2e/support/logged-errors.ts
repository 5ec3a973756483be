import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

/** Returns the first errors in a service's log from a byte on, at most five. */
export async function readLoggedErrors(path: string, from = 0): Promise<readonly string[]> {
  const errors: string[] = [];
  // A log may be larger than a string can be.
  for await (const line of createInterface(createReadStream(path, { start: from }))) {
    if (/^\{"level":"(?:error|fatal)"/.test(line)) errors.push(line);
    if (errors.length === 5) break;
  }
  return errors;
}
