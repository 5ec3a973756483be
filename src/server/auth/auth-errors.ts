import { DomainError } from "../../domain/domain-error.js";

/** The refusal of a call that shows no token. */
export function tokenMissing(): DomainError {
  return new DomainError(
    "TOKEN_MISSING",
    "the call needs the header authorization: Bearer <token>",
  );
}

/** The refusal of a token. `why` may say more of a JWT whose signature is right. */
export function tokenInvalid(why = "is not one that the service takes"): DomainError {
  return new DomainError("TOKEN_INVALID", `the token ${why}`);
}

/** The refusal of a JWT that was good once. */
export function tokenExpired(): DomainError {
  return new DomainError("TOKEN_EXPIRED", "the token has expired; get a new one");
}

/** The refusal of a JWT that cannot be checked. */
export function keySetUnavailable(cause: unknown): DomainError {
  const message = "the keys that the token is checked with cannot be fetched; try again";
  return new DomainError("KEY_SET_UNAVAILABLE", message, { cause });
}
