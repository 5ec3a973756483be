import { DomainError, type Reason } from "../../domain/domain-error.js";
import { pgConnectionLost } from "../../library-internals/matched-texts.js";

/** The fields of `pg`'s errors that this file uses. The message can contain SQL and values. */
type DatabaseError = Error & { readonly code?: string; readonly constraint?: string };

/** Returns true when the transaction lost against a concurrent one and can be retried. */
export function isWriteConflict(error: unknown): boolean {
  return writeConflicts.has((error as DatabaseError | undefined)?.code ?? "");
}

/**
 * Converts a known error of the database to a DomainError and keeps the original as its cause.
 * Returns every other error unchanged: it is a bug.
 */
export function toDomainError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof DomainError) return error;
  const { code = "", constraint = "", name } = error as DatabaseError;
  const known = constraints[constraint];
  if (known !== undefined) {
    return new DomainError(known.reason, known.message, { cause: error });
  }
  if (code === "57014") return deadlineExceeded(error);
  const message =
    code === lockNotAvailable
      ? "another transaction holds a lock that this call needs, for longer than it may wait; try again"
      : name === "KnexTimeoutError"
        ? "no connection to the database became free in time; try again"
        : "the database cannot be reached or is not ready; try again";
  if (!isOutage(code, name, error.message)) return error;
  return new DomainError("DATABASE_UNAVAILABLE", message, { cause: error });
}

/** Returns true when a statement has waited for a lock as long as it may. */
export function isLockTimeout(error: unknown): boolean {
  return (error as DatabaseError | undefined)?.code === lockNotAvailable;
}

export function deadlineExceeded(cause: unknown): DomainError {
  const message =
    "the database did not respond before the deadline of the call, or within its statement timeout";
  return new DomainError("DEADLINE_EXCEEDED", message, { cause });
}

type ErrorParts = { readonly reason: Reason; readonly message: string };

/** The constraints that a valid request can violate, for example because of a concurrent write. */
const constraints: Readonly<Record<string, ErrorParts>> = {
  charge_types_pkey: nameExists("a charge type of this name is registered"),
  providers_pkey: nameExists("a provider of this name is registered"),
  models_pkey: nameExists("the provider has a model of this name"),
  models_provider_fkey: stillReferenced("models of this provider are registered"),
  llm_prices_charge_type_fkey: stillReferenced("prices refer to this charge type, or did"),
  llm_prices_provider_fkey: stillReferenced("prices refer to this provider, or did"),
  llm_prices_model_fkey: stillReferenced("prices refer to this model, or did"),
  rate_cards_provider_fkey: stillReferenced("rate cards refer to this provider, or did"),
  rate_cards_model_fkey: stillReferenced("a rate card refers to this model, or did"),
};

function nameExists(message: string): ErrorParts {
  return { reason: "NAME_ALREADY_EXISTS", message };
}

function stillReferenced(message: string): ErrorParts {
  return { reason: "STILL_REFERENCED", message };
}

// lock_not_available: lock_timeout is over.
const lockNotAvailable = "55P03";
// serialization_failure, deadlock_detected
const writeConflicts: ReadonlySet<string> = new Set(["40001", "40P01"]);

/**
 * Returns true for connection and authorization failures, shutdown, too many connections, a
 * read-only standby, a missing database, a lock or a transaction that takes longer than the
 * database allows, tables or columns that are missing because migrations are pending, missing
 * grants, and databases that do not suit the service.
 */
function isOutage(code: string, name: string, message: string): boolean {
  return (
    /^(?:08|28|53|57P|58)/.test(code) ||
    /^(?:25006|25P03|25P04|3D000|42501|42P01|42703|42883|55P03|E[A-Z]{4,})$/.test(code) ||
    name === "KnexTimeoutError" ||
    name === "UnsuitableDatabase" ||
    // These errors of pg have no code. Knex puts the statement before their message.
    pgConnectionLost.test(message)
  );
}
