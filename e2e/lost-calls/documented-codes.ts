import { readFileSync } from "node:fs";

/**
 * Returns the codes that the table in docs/clients.md has for calls in flight when a replica is
 * killed, by the name of the library. An error without a code is an `exception`.
 */
export function readDocumentedCodes(): ReadonlyMap<string, ReadonlySet<string>> {
  const text = readFileSync(new URL("../../docs/clients.md", import.meta.url), "utf8");
  const [, table = ""] = text.split("\n| library |");
  const rows = table.split("\n\n", 1)[0]?.matchAll(/^\| ([^|]+) \|[^|]+\| ([^|]+) \|$/gm) ?? [];
  return new Map(
    [...rows].flatMap(([, names = "", codes = ""]) =>
      names
        .split(", ")
        .map((name) => [name, new Set(codes.match(/\b[A-Z_]{2,}\b|\bexception\b/g))] as const),
    ),
  );
}
