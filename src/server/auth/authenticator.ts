import { hash, timingSafeEqual } from "node:crypto";
import type { TokenEntry } from "../../config/tokens-file.js";
import type { Caller } from "../../domain/caller.js";
import { tokenInvalid, tokenMissing } from "./auth-errors.js";

/** Tells who calls from the header `authorization`. A known token is told at once. */
export type Authenticator = {
  /** @throws DomainError TOKEN_MISSING or TOKEN_INVALID, or, as a promise, what a JWT lacks. */
  readonly authenticate: (authorization: string | undefined) => Caller | Promise<Caller>;
};

/** Checks tokens that are not of the file. Undefined: it is none that this could know. */
export type JwtVerifier = (token: string, digest: Buffer) => Caller | Promise<Caller> | undefined;

/** Takes the tokens of a file, which may change, and those that a verifier takes. */
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

/** Compares with all tokens, to the last byte: the time that it takes tells nothing of any of them. */
function findCaller(tokens: readonly TokenEntry[], digest: Buffer): Caller | undefined {
  let found: Caller | undefined;
  for (const { sha256, caller } of tokens) {
    if (timingSafeEqual(sha256, digest)) found = caller;
  }
  return found;
}

const bearer = /^bearer +([\x21-\x7e]+) *$/i;
