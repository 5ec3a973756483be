/** The reasons of errors: a closed list for clients to match on, `ErrorReason` in the contract. */
export type Reason =
  | "INVALID_FIELD"
  | "REQUEST_ID_REUSED"
  | "PRICE_NOT_FOUND"
  | "REVISION_NOT_FOUND"
  | "CHARGE_TYPE_NOT_FOUND"
  | "PROVIDER_NOT_FOUND"
  | "MODEL_NOT_FOUND"
  | "PRICE_ALREADY_EXISTS"
  | "RATE_CARD_ALREADY_EXISTS"
  | "RATE_CARD_NOT_FOUND"
  | "RATE_MISSING"
  | "NAME_ALREADY_EXISTS"
  | "ETAG_MISMATCH"
  | "WRITE_CONFLICT"
  | "KEY_AMBIGUOUS"
  | "REVISION_IN_EFFECT"
  | "STILL_REFERENCED"
  | "NO_USAGE"
  | "MALFORMED_REQUEST"
  | "MESSAGE_TOO_LARGE"
  | "UNSUPPORTED"
  | "TOO_MANY_CALLS"
  | "MEMORY_EXHAUSTED"
  | "THREAD_LOST"
  | "BOOK_BEHIND"
  | "BOOK_CHANGED"
  | "IMPORT_GUARD"
  | "BOOK_STALE"
  | "DATABASE_UNAVAILABLE"
  | "TOKEN_MISSING"
  | "TOKEN_INVALID"
  | "TOKEN_EXPIRED"
  | "ROLE_INSUFFICIENT"
  | "KEY_SET_UNAVAILABLE"
  | "DEADLINE_EXCEEDED"
  | "STREAM_IDLE"
  | "CANCELLED"
  | "INTERNAL";

/** An invalid field: its path in the request, and what is wrong with its value. */
export type Violation = { readonly field: string; readonly description: string };

export type Metadata = Readonly<Record<string, string>>;

/** The optional parts of a DomainError. */
export type DomainErrorOptions = {
  /** Sent to the client in `ErrorInfo`. */
  readonly metadata?: Metadata;
  /** The invalid fields. Sent to the client in `BadRequest`. */
  readonly violations?: readonly Violation[];
  /** Keys that the caller may have meant. Sent to the client in `LLMPriceSuggestions`. */
  readonly suggestions?: Suggestions;
  /** Logged, never sent to the client. */
  readonly cause?: unknown;
};

/** The keys nearest to an unknown one, and those that match an incomplete one. */
export type Suggestions = {
  readonly nearest?: readonly SuggestedKey[];
  readonly candidates?: readonly SuggestedKey[];
};

type SuggestedKey = {
  readonly accountId: string;
  readonly priceList: string;
  readonly chargeType: string;
  readonly provider: string;
  readonly model: string;
};

/** Rejects a call with a reason of the closed list. The client sees everything except the cause. */
export class DomainError extends Error {
  override readonly name = "DomainError";
  readonly metadata: Metadata;
  readonly violations: readonly Violation[];
  readonly suggestions: Suggestions;

  constructor(
    readonly reason: Reason,
    message: string,
    { metadata = {}, violations = [], suggestions = {}, cause }: DomainErrorOptions = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.metadata = metadata;
    this.violations = violations;
    this.suggestions = suggestions;
  }
}

/** Creates the error of one field: `problem` names the wrong value and what is allowed. */
export function invalidField(field: string, problem: string): DomainError {
  return invalidFields([{ field, description: problem }]);
}

/** Creates one error for all invalid fields. */
export function invalidFields(violations: readonly Violation[]): DomainError {
  const message = violations.map(({ field, description }) => `${field} ${description}`).join("; ");
  return new DomainError("INVALID_FIELD", message, { violations });
}

/**
 * Creates the error of a call above a limit: `which` calls, and the variable that sets the limit.
 */
export function tooManyCalls(
  which: string,
  variable: string,
  most: number,
  callerHas: number,
): DomainError {
  return new DomainError(
    "TOO_MANY_CALLS",
    `there is no place for another call ${which}: all callers together may have ${most} at a time ` +
      `(${variable}), one caller three quarters of them at most, and this caller has ${callerHas}; ` +
      "nothing was done; wait a moment and try again",
    { metadata: { limit: variable, most: String(most), caller_has: String(callerHas) } },
  );
}

/** Quotes and escapes a value for a message, and shortens it to at most 80 characters. */
export function quote(value: string): string {
  return JSON.stringify(value.length <= 80 ? value : `${value.slice(0, 77)}...`);
}
