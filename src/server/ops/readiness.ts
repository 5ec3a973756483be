import type { Knex } from "knex";
import { withTimeout } from "../../async/with-timeout.js";
import { DomainError } from "../../domain/domain-error.js";
import { toDomainError } from "../../store/connection/postgres-errors.js";
import { UnsuitableDatabase } from "../../store/connection/session.js";
import { pendingMigrations } from "../../store/schema/migration-list.js";

/** Whether the service can handle calls. */
export type Readiness = {
  /** Returns undefined when the service is ready. */
  readonly notReadyReason: () => string | undefined;
  /** Returns what does not work although the service is ready. */
  readonly warning: () => string | undefined;
  /** Checks now, and returns whether the service is ready. */
  readonly check: () => Promise<boolean>;
  /** Makes the service not ready for good: it is shutting down. */
  readonly drain: () => void;
};

/**
 * Checks the database and the price book periodically. The service becomes ready when the database
 * responds within two seconds and has every migration that this program needs, and the price book
 * is ready. While the database then does not respond, it stays ready for as long as the price book is:
 * it still calculates charges. Calls `onChange` after the first check and whenever the reason or the
 * warning changes.
 */
export function watchReadiness(
  knex: Knex,
  bookNotReadyReason: () => string | undefined,
  onChange: (notReadyReason: string | undefined, warning: string | undefined) => void,
  intervalMs = 1000,
): Readiness {
  let notReadyReason: string | undefined = "the database has not been asked yet";
  let warning: string | undefined;
  let isDraining = false;
  const setState = (reason: string | undefined, newWarning: string | undefined) => {
    if (reason === notReadyReason && newWarning === warning) return;
    notReadyReason = reason;
    warning = newWarning;
    onChange(reason, warning);
  };
  // One query at a time: checks of a database that hangs must not take further connections.
  let query: Promise<DatabaseState> | undefined;
  let checking: Promise<boolean> | undefined;
  const queryDatabase = () => {
    query ??= findDatabaseState(knex).finally(() => {
      query = undefined;
    });
    return query;
  };
  const runCheck = async () => {
    const { problem, isUnavailable } = await withTimeout(queryDatabase(), limitMs, noResponse);
    const canCalculate = isUnavailable && notReadyReason === undefined;
    const reason = (canCalculate ? undefined : problem) ?? bookNotReadyReason();
    const fails = problem && `${problem}: writes and lists fail, charges are calculated`;
    if (!isDraining) setState(reason, reason === undefined ? fails : undefined);
    return notReadyReason === undefined;
  };
  const check = () => {
    checking ??= runCheck().finally(() => {
      checking = undefined;
    });
    return checking;
  };
  // What fails is not known to be ready, and is looked at again.
  const timer = setInterval(() => void check().catch(() => undefined), intervalMs);
  return {
    notReadyReason: () => notReadyReason,
    warning: () => warning,
    check,
    drain: () => {
      isDraining = true;
      clearInterval(timer);
      setState("shutting down", undefined);
    },
  };
}

/** Why the database is not ready, and whether it may only be unavailable for a while. */
type DatabaseState = { readonly problem: string | undefined; readonly isUnavailable: boolean };

async function findDatabaseState(knex: Knex): Promise<DatabaseState> {
  try {
    const pending = await pendingMigrations(knex, limitMs);
    const lacks = `the database lacks migrations: ${pending.join(", ")}; run "llmprices migrate up"`;
    return { problem: pending.length === 0 ? undefined : lacks, isUnavailable: false };
  } catch (error) {
    if ((error as Error).name === "KnexTimeoutError") return noResponse();
    const problem = toDomainError(error);
    const isUnavailable =
      problem instanceof DomainError && problem.reason === "DATABASE_UNAVAILABLE";
    return { problem: toNotReadyReason(problem), isUnavailable };
  }
}

/** Adds the error code, which distinguishes a wrong password from an unknown host. */
function toNotReadyReason(error: unknown): string {
  const isKnown = error instanceof DomainError;
  if (isKnown && error.cause instanceof UnsuitableDatabase) return error.cause.message;
  const { code } = (isKnown ? error.cause : error) as { readonly code?: string };
  const text =
    isKnown && code !== insufficientPrivilege
      ? error.message.replace(/; try again$/, "")
      : "the database cannot be read";
  return code === undefined ? text : `${text} (${code})`;
}

const insufficientPrivilege = "42501";
const limitMs = 2000;

function noResponse(): DatabaseState {
  return { problem: "the database does not answer", isUnavailable: true };
}
