import { readFileSync } from "node:fs";
import pgConnectionString, { type ConnectionOptions } from "pg-connection-string";
import type { DatabaseConnection } from "./session.js";

/** A problem of a PostgreSQL URL. The message shows neither the URL nor its password. */
export class DatabaseUrlError extends Error {
  override readonly name = "DatabaseUrlError";
}

/**
 * Parses a PostgreSQL URL. `sslmode` means the same as in psql.
 *
 * @throws DatabaseUrlError
 */
export function parseDatabaseUrl(url: string): DatabaseConnection {
  if (!/^postgres(?:ql)?:\/\//.test(url)) throw new DatabaseUrlError(notAUrl);
  const start = url.indexOf("?");
  const address = start < 0 ? url : url.slice(0, start);
  const parameters = new URLSearchParams(start < 0 ? "" : url.slice(start + 1));
  const sslmode = checkParameters(parameters);
  const query = parameters.size === 0 ? "" : `?${parameters}`;
  const connection = parse(address + query);
  if (String(connection.host).includes(","))
    throw new DatabaseUrlError("has several hosts; expected one");
  return sslmode === "no-verify"
    ? { ...connection, ssl: { rejectUnauthorized: false } }
    : connection;
}

function parse(url: string): DatabaseConnection {
  let options: ConnectionOptions;
  try {
    options = pgConnectionString.parse(url, { useLibpqCompat: true });
    return pgConnectionString.toClientConfig(options) as DatabaseConnection;
  } catch {
    // The message of the parser may contain the URL with its password.
    throw new DatabaseUrlError(notAUrl);
  }
}

/** Checks the parameters, and removes what the parser does not know. Returns `sslmode`. */
function checkParameters(parameters: URLSearchParams): string | undefined {
  for (const name of parameters.keys()) {
    if (!supported.has(name)) {
      const list = [...supported].join(", ");
      throw new DatabaseUrlError(
        `has the parameter ${name}, which has no effect here; known are ${list}`,
      );
    }
  }
  checkValue(parameters, "ssl", ["true", "1", "false", "0"]);
  checkValue(parameters, "uselibpqcompat", ["true"]);
  checkValue(parameters, "sslmode", sslModes);
  const sslmode = parameters.get("sslmode") ?? undefined;
  if (parameters.get("ssl") === "false") parameters.set("ssl", "0");
  // The parser gets it as an option.
  parameters.delete("uselibpqcompat");
  if (parameters.get("sslrootcert") === "system") {
    if (sslmode !== "verify-full")
      throw new DatabaseUrlError("has sslrootcert=system, which needs sslmode=verify-full");
    // Node.js trusts the public authorities without a file.
    parameters.delete("sslrootcert");
  }
  if (sslmode === "verify-ca" && !parameters.has("sslrootcert")) {
    const problem = "has sslmode=verify-ca without sslrootcert";
    throw new DatabaseUrlError(`${problem}: add the file of the authority, or use verify-full`);
  }
  for (const name of ["sslcert", "sslkey", "sslrootcert"]) checkFile(parameters, name);
  return sslmode;
}

function checkValue(parameters: URLSearchParams, name: string, values: readonly string[]): void {
  const value = parameters.get(name);
  if (value === null || values.includes(value)) return;
  throw new DatabaseUrlError(`has ${name}=${value}; expected ${values.join(", ")}`);
}

function checkFile(parameters: URLSearchParams, name: string): void {
  const path = parameters.get(name);
  if (path === null) return;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const { message } = cause as Error;
    throw new DatabaseUrlError(`has ${name}=${path}, which cannot be read: ${message}`, { cause });
  }
  // An empty file would select the public authorities.
  if (!text.includes("-----BEGIN "))
    throw new DatabaseUrlError(`has ${name}=${path}, which is not a PEM file`);
}

const notAUrl = "is (not shown); expected a URL like postgres://user@host/database";

const sslModes = ["disable", "require", "verify-ca", "verify-full", "no-verify"];

/** The parameters that pg or its parser uses. They ignore others without a word. */
const supported: ReadonlySet<string> = new Set([
  ...["user", "password", "host", "port", "application_name", "fallback_application_name"],
  ...["options", "ssl", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslnegotiation"],
  "uselibpqcompat",
]);
