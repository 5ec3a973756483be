import { DomainError, type Reason } from "../../domain/domain-error.js";

/** What `pg` tells of an error, as far as it is used here. Its message can hold SQL and values. */
type DatabaseError = Error & { readonly code?: string; readonly constraint?: string };

/** Whether the transaction lost against a concurrent one and can be tried again. */
export function isWriteConflict(error: unknown): boolean {
  return writeConflicts.has((error as DatabaseError | undefined)?.code ?? "");
}

/**
 * Says in our terms what the database refused, keeping its error as the cause. What is no refusal
 * comes back as it is: a bug.
 */
export function toDomainError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof DomainError) return error;
  const { code = "", constraint = "", name } = error as DatabaseError;
  const known = constraints[constraint];
  if (known !== undefined) {
    return new DomainError(known.reason, known.message, { cause: error });
  }
  if (code === "57014") {
    const message =
      "the database had not answered when the time of the call, or of a statement, was up";
    return new DomainError("DEADLINE_EXCEEDED", message, { cause: error });
  }
  const message =
    code === lockNotAvailable
      ? "others hold what this call needs of the database for longer than it may wait; try again"
      : name === "KnexTimeoutError"
        ? "no connection to the database could be had in time; try again"
        : "the database cannot be reached or is not ready; try again";
  if (!isOutage(code, name, error.message)) return error;
  return new DomainError("DATABASE_UNAVAILABLE", message, { cause: error });
}

type ErrorParts = { readonly reason: Reason; readonly message: string };

/** What callers can run into beyond our own checks, because others write at the same time. */
const constraints: Readonly<Record<string, ErrorParts>> = {
  charge_types_pkey: taken("a charge type of this name is registered"),
  providers_pkey: taken("a provider of this name is registered"),
  models_pkey: taken("the provider has a model of this name"),
  models_provider_fkey: referenced("models of this provider are registered"),
  llm_prices_charge_type_fkey: referenced("prices refer to this charge type, or did"),
  llm_prices_provider_fkey: referenced("prices refer to this provider, or did"),
  llm_prices_model_fkey: referenced("prices refer to this model, or did"),
};

function taken(message: string): ErrorParts {
  return { reason: "NAME_ALREADY_EXISTS", message };
}

function referenced(message: string): ErrorParts {
  return { reason: "STILL_REFERENCED", message };
}

// When lock_timeout is over.
const lockNotAvailable = "55P03";
// serialization_failure, deadlock_detected
const writeConflicts: ReadonlySet<string> = new Set(["40001", "40P01"]);

/**
 * Connection and authorization failures, shutdown, too many connections, read-only standby, no such
 * database, a lock or a transaction that takes longer than the database allows, tables or columns that
 * are missing because the schema is not current, and rights that its grants have not given yet.
 */
function isOutage(code: string, name: string, message: string): boolean {
  return (
    /^(?:08|28|53|57P|58)/.test(code) ||
    /^(?:25006|25P03|25P04|3D000|42501|42P01|42703|42883|55P03|E[A-Z]{4,})$/.test(code) ||
    name === "KnexTimeoutError" ||
    // pg gives these no code, and knex puts the statement before them.
    /(?:^| - )(?:Connection terminated|timeout expired|Client has encountered a connection)/.test(
      message,
    )
  );
}
