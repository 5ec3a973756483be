import { readFile } from "node:fs/promises";

/** Returns the first errors in a service's log, at most five. */
export async function readLoggedErrors(path: string): Promise<readonly string[]> {
  const lines = (await readFile(path, "utf8")).split("\n");
  return lines.filter((line) => /^\{"level":[56]0/.test(line)).slice(0, 5);
}
