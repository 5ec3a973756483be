import { DomainError } from "../../domain/domain-error.js";

/** Returns the error for a call without a token. */
export function tokenMissing(): DomainError {
  return new DomainError(
    "TOKEN_MISSING",
    "the call needs the header authorization: Bearer <token>",
  );
}

/** Returns the error for an invalid token. Give `problem` only for a JWT with a valid signature. */
export function tokenInvalid(problem = "is not one that the service takes"): DomainError {
  return new DomainError("TOKEN_INVALID", `the token ${problem}`);
}

/** Returns the error for an expired JWT. */
export function tokenExpired(): DomainError {
  return new DomainError("TOKEN_EXPIRED", "the token has expired; get a new one");
}

/** Returns the error for a JWT that cannot be verified because the issuer's keys are missing. */
export function keySetUnavailable(cause: unknown): DomainError {
  const message = "the keys that the token is checked with cannot be fetched; try again";
  return new DomainError("KEY_SET_UNAVAILABLE", message, { cause });
}
