import { hash, timingSafeEqual } from "node:crypto";
import type { TokenEntry } from "../../config/tokens-file.js";
import type { Caller } from "../../domain/caller.js";
import { tokenInvalid, tokenMissing } from "./auth-errors.js";

/** Identifies callers by the header `authorization`: synchronously if the token is known. */
export type Authenticator = {
  /**
   * @throws DomainError TOKEN_MISSING or TOKEN_INVALID. If verification is asynchronous, the
   *   promise rejects with the error of the JWT.
   */
  readonly authenticate: (authorization: string | undefined) => Caller | Promise<Caller>;
};

/** Verifies a token that is not in the tokens file. Returns undefined if the token is not a JWT. */
export type JwtVerifier = (token: string, digest: Buffer) => Caller | Promise<Caller> | undefined;

/** Accepts the tokens of a file, which may change, and those that the verifier accepts. */
export function createAuthenticator(
  tokens: () => readonly TokenEntry[],
  verifyJwt: JwtVerifier = () => undefined,
): Authenticator {
  return {
    authenticate: (authorization) => {
      const token = authorization && bearer.exec(authorization)?.[1];
      if (!token) throw tokenMissing();
      const digest = hash("sha256", token, "buffer");
      const caller = findCaller(tokens(), digest) ?? verifyJwt(token, digest);
      if (caller === undefined) throw tokenInvalid();
      return caller;
    },
  };
}

/**
 * Compares with every token in constant time, so that the duration reveals nothing about any token.
 */
function findCaller(tokens: readonly TokenEntry[], digest: Buffer): Caller | undefined {
  let found: Caller | undefined;
  for (const { sha256, caller } of tokens) {
    if (timingSafeEqual(sha256, digest)) found = caller;
  }
  return found;
}

const bearer = /^bearer +([\x21-\x7e]+) *$/i;
