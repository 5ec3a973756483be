import type { DatabaseConnection } from "../store/database.js";
import { parseDatabaseUrl } from "../store/database-url.js";
import type { Read } from "./reader.js";

/** Undefined when DATABASE_URL is unset. */
export function readDatabase(read: Read): DatabaseConnection | undefined {
  const expected = "a URL like postgres://user@host/database";
  return read("DATABASE_URL", undefined, expected, toDatabase);
}

function toDatabase(url: string): DatabaseConnection | undefined {
  if (!/^postgres(?:ql)?:\/\//.test(url) || !URL.canParse(url)) return undefined;
  try {
    return parseDatabaseUrl(url);
  } catch {
    // The parser's message quotes the URL, password and all.
    return undefined;
  }
}
