/**
 * Returns why production should not run on a version of Node.js, like `20.20.2`. Undefined: Node.js
 * supports it. Later major versions count as supported.
 */
export function unsupportedNodeReason(version: string): string | undefined {
  const [major = 0, minor = 0, patch = 0] = version
    .split(".")
    .map((part) => Number.parseInt(part, 10));
  const use = `use ${Object.values(oldestSupported).join(", ")} or later in production`;
  const oldest = oldestSupported[major];
  if (oldest !== undefined) {
    const [, oldestMinor = 0, oldestPatch = 0] = oldest.split(".").map(Number);
    const isCurrent = minor > oldestMinor || (minor === oldestMinor && patch >= oldestPatch);
    return isCurrent ? undefined : `Node.js ${version} lacks security fixes; ${use}`;
  }
  if (major >= nextMajor) return undefined;
  if (major === 20) return `Node.js 20 has had no security fixes since April 2026; ${use}`;
  return `Node.js ${major} gets no security fixes; ${use}`;
}

/** The first version of each long-term support line that has all security fixes of today. */
const oldestSupported: Readonly<Record<number, string>> = { 22: "22.23.2", 24: "24.18.1" };
/** The first major version after those. */
const nextMajor = 26;
