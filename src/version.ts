import { readFileSync } from "node:fs";

/** The version of this program; `unknown` where its package.json is not beside it. */
export function readVersion(): string {
  // The compiled file lies one folder deeper than the source.
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      return JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")).version;
    } catch {
      // Not here.
    }
  }
  return "unknown";
}
