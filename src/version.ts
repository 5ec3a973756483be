import { readFileSync } from "node:fs";

/** Returns the version of this program, or `unknown` when its package.json is not found. */
export function readVersion(): string {
  // The compiled file is one folder deeper than the source.
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      return JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")).version;
    } catch {
      // Try the next path.
    }
  }
  return "unknown";
}
