import type { Knex } from "knex";
import { withTimeout } from "../../async/with-timeout.js";
import { DomainError } from "../../domain/domain-error.js";
import { toDomainError } from "../../store/connection/postgres-errors.js";
import { pendingMigrations } from "../../store/schema/migration-list.js";

/** Whether the service can handle calls. */
export type Readiness = {
  /** Returns undefined when the service is ready. */
  readonly notReadyReason: () => string | undefined;
  /** Checks now, and returns whether the service is ready. */
  readonly check: () => Promise<boolean>;
  /** Makes the service not ready for good: it is shutting down. */
  readonly drain: () => void;
};

/**
 * Checks the database and the price book periodically. The service is ready when the database
 * responds within two seconds and has every migration that this program needs, and the price book
 * is ready. Calls `onChange` after the first check and whenever the reason changes.
 */
export function watchReadiness(
  knex: Knex,
  bookNotReadyReason: () => string | undefined,
  onChange: (notReadyReason: string | undefined) => void,
  intervalMs = 1000,
): Readiness {
  let notReadyReason: string | undefined = "the database has not been asked yet";
  let isDraining = false;
  const setReason = (reason: string | undefined) => {
    if (reason === notReadyReason) return;
    notReadyReason = reason;
    onChange(reason);
  };
  // One query at a time: checks of a database that hangs must not take further connections.
  let query: Promise<string | undefined> | undefined;
  let checking: Promise<boolean> | undefined;
  const queryDatabase = () => {
    query ??= findNotReadyReason(knex).finally(() => {
      query = undefined;
    });
    return query;
  };
  const runCheck = async () => {
    const databaseReason = await withTimeout(queryDatabase(), limitMs, () => noResponse);
    const reason = databaseReason ?? bookNotReadyReason();
    if (!isDraining) setReason(reason);
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
    check,
    drain: () => {
      isDraining = true;
      clearInterval(timer);
      setReason("shutting down");
    },
  };
}

async function findNotReadyReason(knex: Knex): Promise<string | undefined> {
  try {
    const pending = await pendingMigrations(knex, limitMs);
    if (pending.length === 0) return undefined;
    return `the database lacks migrations: ${pending.join(", ")}; run "llmprices migrate up"`;
  } catch (error) {
    if ((error as Error).name === "KnexTimeoutError") return noResponse;
    return toNotReadyReason(toDomainError(error));
  }
}

/** Adds the error code, which distinguishes a wrong password from an unknown host. */
function toNotReadyReason(error: unknown): string {
  const isKnown = error instanceof DomainError;
  const { code } = (isKnown ? error.cause : error) as { readonly code?: string };
  const text =
    isKnown && code !== insufficientPrivilege
      ? error.message.replace(/; try again$/, "")
      : "the database cannot be read";
  return code === undefined ? text : `${text} (${code})`;
}

const insufficientPrivilege = "42501";
const limitMs = 2000;
const noResponse = "the database does not answer";
