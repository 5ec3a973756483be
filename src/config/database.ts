import { parseDatabaseUrl } from "../store/connection/connection-url.js";
import type { DatabaseConnection, DatabaseLimits } from "../store/connection/pool.js";
import type { CallLimits } from "./call-limits.js";
import { clampDefault, numberReader, type ReadVariable, textReader } from "./environment.js";

/** Reads the limits of the database. Defaults follow lower limits of calls. */
export function readDatabaseLimits(
  read: ReadVariable,
  { maxCallTimeoutMs, maxCallsInFlight }: Pick<CallLimits, "maxCallTimeoutMs" | "maxCallsInFlight">,
): DatabaseLimits {
  const limit = numberReader(read);
  const ms = 3_600_000;
  const maxCalls = clampDefault(500, Math.max(1, Math.floor(maxCallsInFlight / 2)) || undefined);
  const statementMs = clampDefault(30_000, maxCallTimeoutMs);
  const statementTimeoutMs = limit("DATABASE_STATEMENT_TIMEOUT_MS", statementMs, 1, ms);
  return {
    poolSize: limit("DATABASE_POOL_SIZE", 10, 1, 1000),
    maxCalls: limit("MAX_DATABASE_CALLS", maxCalls, 1, 1_000_000),
    acquireTimeoutMs: limit(
      "DATABASE_ACQUIRE_TIMEOUT_MS",
      clampDefault(10_000, maxCallTimeoutMs),
      1,
      ms,
    ),
    statementTimeoutMs,
    lockTimeoutMs: limit(
      "DATABASE_LOCK_TIMEOUT_MS",
      clampDefault(20_000, statementTimeoutMs),
      1,
      ms,
    ),
  };
}

/** Returns undefined when DATABASE_URL is unset, or when it has a problem. */
export function readDatabase(
  read: ReadVariable,
  problems: string[],
): DatabaseConnection | undefined {
  const url = textReader(read)("DATABASE_URL");
  if (url === undefined) return undefined;
  try {
    return parseDatabaseUrl(url);
  } catch (error) {
    problems.push(`DATABASE_URL ${(error as Error).message}`);
    return undefined;
  }
}
