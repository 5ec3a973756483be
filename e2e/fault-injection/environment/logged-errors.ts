import { readFile } from "node:fs/promises";

/** The errors in a service's log: what it should not have to say. At most five. */
export async function readLoggedErrors(path: string): Promise<readonly string[]> {
  const lines = (await readFile(path, "utf8")).split("\n");
  return lines.filter((line) => /^\{"level":[56]0/.test(line)).slice(0, 5);
}
