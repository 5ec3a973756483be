import { readFileSync } from "node:fs";

/**
 * Reads the file that an environment variable names.
 *
 * @throws Error with the variable, the path and the problem, which `parse` may have thrown.
 */
export function readNamedFile<T>(variable: string, path: string, parse: (text: string) => T): T {
  try {
    return parse(readFileSync(path, "utf8"));
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`${variable} is ${JSON.stringify(path)}: ${message}`, { cause: error });
  }
}
