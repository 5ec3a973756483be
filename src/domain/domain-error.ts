/** Why a call is refused. The closed list that callers match on; `ErrorReason` in the contract. */
export type Reason =
  | "INVALID_FIELD"
  | "REQUEST_ID_REUSED"
  | "PRICE_NOT_FOUND"
  | "REVISION_NOT_FOUND"
  | "CHARGE_TYPE_NOT_FOUND"
  | "PROVIDER_NOT_FOUND"
  | "MODEL_NOT_FOUND"
  | "PRICE_ALREADY_EXISTS"
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
  | "THREAD_LOST"
  | "BOOK_BEHIND"
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

/** One field that is wrong: its path in the request, and what is wrong with which value. */
export type Violation = { readonly field: string; readonly description: string };

export type Metadata = Readonly<Record<string, string>>;

/** What a DomainError carries besides its reason and message. */
export type DomainErrorOptions = {
  /** For the caller, in `ErrorInfo`. */
  readonly metadata?: Metadata;
  /** The wrong fields, for the caller, in `BadRequest`. */
  readonly violations?: readonly Violation[];
  /** For the log only. */
  readonly cause?: unknown;
};

/** A call that is rejected for a reason of the closed list. The caller sees all of it but the cause. */
export class DomainError extends Error {
  override readonly name = "DomainError";
  readonly metadata: Metadata;
  readonly violations: readonly Violation[];

  constructor(
    readonly reason: Reason,
    message: string,
    { metadata = {}, violations = [], cause }: DomainErrorOptions = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.metadata = metadata;
    this.violations = violations;
  }
}

/** The refusal of one field: `problem` says what is wrong with the value and what is allowed. */
export function invalidField(field: string, problem: string): DomainError {
  return invalidFields([{ field, description: problem }]);
}

/** The refusal of all fields that are wrong, at once. */
export function invalidFields(violations: readonly Violation[]): DomainError {
  const message = violations.map(({ field, description }) => `${field} ${description}`).join("; ");
  return new DomainError("INVALID_FIELD", message, { violations });
}

/** The refusal of a call that would be one too many: `which` calls, and the variable that bounds them. */
export function tooManyCalls(which: string, variable: string, most: number): DomainError {
  return new DomainError(
    "TOO_MANY_CALLS",
    `as many calls ${which} as the service takes at a time are at work: ${most} (${variable}); ` +
      "nothing was done; wait a moment and try again",
    { metadata: { limit: variable, most: String(most) } },
  );
}

/** A value as it may stand in a message: quoted, escaped, and cut to a length a person reads. */
export function quote(value: string): string {
  return JSON.stringify(value.length <= 80 ? value : `${value.slice(0, 77)}...`);
}
