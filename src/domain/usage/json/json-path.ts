import { quote } from "../../domain-error.js";

/**
 * Formats the path of a value: `usage.iterations[0].type`. Shortens a long one at its beginning.
 */
export function toJsonPath(steps: readonly (string | number)[], start = ""): string {
  const path = steps.reduce<string>(joinJsonPath, start);
  return path.length <= maxPathLength ? path : `...${path.slice(-maxPathLength)}`;
}

/** Adds a name or an index to a path. */
export function joinJsonPath(path: string, step: string | number): string {
  if (typeof step === "number") return `${path}[${step}]`;
  if (!plainName.test(step)) return `${path}[${quote(step)}]`;
  return path === "" ? step : `${path}.${step}`;
}

const plainName = /^[A-Za-z_][\w-]{0,79}$/;
const maxPathLength = 200;
