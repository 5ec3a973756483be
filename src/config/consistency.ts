import type { DatabaseLimits } from "../store/connection/pool.js";
import { type CallLimits, mostAccounts } from "./call-limits.js";
import type { ConnectionLimits } from "./connection-limits.js";

/** Reports limits that can never be reached, or that make another limit ineffective. */
export function checkConsistency(
  config: CallLimits & {
    readonly databaseLimits: DatabaseLimits;
    readonly connections: ConnectionLimits;
  },
  problems: string[],
): void {
  const { databaseLimits: database, connections } = config;
  const longestCallMs = Math.max(config.maxCallTimeoutMs, config.maxStreamTimeoutMs);
  const acquire = ["DATABASE_ACQUIRE_TIMEOUT_MS", database.acquireTimeoutMs] as const;
  const statement = ["DATABASE_STATEMENT_TIMEOUT_MS", database.statementTimeoutMs] as const;
  const lock = ["DATABASE_LOCK_TIMEOUT_MS", database.lockTimeoutMs] as const;
  const call = ["MAX_CALL_TIMEOUT_MS", config.maxCallTimeoutMs] as const;
  const idle = ["STREAM_IDLE_TIMEOUT_MS", config.streamIdleTimeoutMs] as const;
  const stream = ["MAX_STREAM_TIMEOUT_MS", config.maxStreamTimeoutMs] as const;
  const queries = ["MAX_DATABASE_CALLS", database.maxCalls] as const;
  const half = ["half of MAX_CALLS_IN_FLIGHT", Math.floor(config.maxCallsInFlight / 2)] as const;
  const grace = ["MAX_CONNECTION_AGE_GRACE_MS", connections.maxConnectionAgeGraceMs] as const;
  const longest = ["the longest call's time", longestCallMs] as const;
  const accounts = ["MAX_ALLOCATION_ACCOUNTS", config.maxAllocationAccounts] as const;
  const room = [
    "what half of BULK_MEMORY_BYTES has room for",
    mostAccounts(config.offloadMemoryBytes),
  ] as const;
  const rules = [
    [acquire, call, "the call would have ended before"],
    [statement, call, "the call would have ended before"],
    [lock, statement, "the statement would have ended before"],
    [idle, stream, "the stream would have ended before"],
    [queries, half, "calls that wait for the database would leave no room for calculations"],
    [accounts, room, "the caller's memory would be exhausted before"],
    [longest, grace, "calls under way would be cut"],
  ] as const;
  for (const [[name, value], [boundName, bound], consequence] of rules) {
    // Undefined: the value is invalid, which is already reported.
    if (value === undefined || bound === undefined || !(value > bound)) continue;
    problems.push(`${name} is ${value}, above ${boundName}, which is ${bound}: ${consequence}`);
  }
}
