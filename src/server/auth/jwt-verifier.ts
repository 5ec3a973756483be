import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import type { JwtConfig } from "../../config/auth-config.js";
import {
  type Caller,
  createCaller,
  findRole,
  isCallerName,
  type Role,
} from "../../domain/caller.js";
import { tooManyCalls } from "../../domain/domain-error.js";
import { keySetUnavailable, tokenExpired, tokenInvalid } from "./auth-errors.js";
import type { JwtVerifier } from "./authenticator.js";

/**
 * Creates a verifier of JWTs that the issuer has signed for the configured audience. The claim
 * `sub` names the caller. Caches verified tokens, so that most calls are authorized synchronously.
 * Verifies up to `maxCallsInFlight` tokens at a time, and throws TOO_MANY_CALLS above that.
 */
export function createJwtVerifier(
  config: Omit<JwtConfig, "jwksUrl">,
  keys: JWTVerifyGetKey,
  maxCallsInFlight: number,
): JwtVerifier {
  const verified = new LRUCache<string, Verified>({ max: maxCached });
  let pending = 0;
  return (token, digest) => {
    if (!compactJws.test(token)) return undefined;
    const id = digest.toString("base64");
    const cached = verified.get(id);
    if (cached !== undefined && Date.now() < cached.expiresAtMs) return cached.caller;
    // The headers of these calls are in memory, and their callers are not yet authenticated.
    if (pending >= maxCallsInFlight) {
      throw tooManyCalls(
        "with a token to verify",
        "MAX_CALLS_IN_FLIGHT",
        maxCallsInFlight,
        pending,
      );
    }
    pending += 1;
    return verify(token, config, keys)
      .then((entry) => {
        verified.set(id, entry);
        return entry.caller;
      })
      .finally(() => {
        pending -= 1;
      });
  };
}

type Verified = { readonly caller: Caller; readonly expiresAtMs: number };

async function verify(
  token: string,
  { issuer, audience, roleClaim }: Omit<JwtConfig, "jwksUrl">,
  keys: JWTVerifyGetKey,
): Promise<Verified> {
  const requiredClaims = ["exp", "sub"];
  const clockTolerance = toleranceSeconds;
  const rules = { issuer, audience, algorithms, requiredClaims, clockTolerance };
  const { payload } = await jwtVerify(token, keys, rules).catch((error) => {
    throw toDomainError(error);
  });
  const { sub: name, exp = 0 } = payload;
  if (!isCallerName(name)) throw tokenInvalid('has a wrong claim "sub"');
  const expiresAtMs = Math.min((exp + toleranceSeconds) * 1000, Date.now() + maxCachedMs);
  return { caller: createCaller(name, findHighestRole(payload, roleClaim)), expiresAtMs };
}

/** Returns the highest role in a claim, which is one value or an array. */
function findHighestRole(payload: JWTPayload, claim: string): Role | undefined {
  const value = Object.hasOwn(payload, claim) ? payload[claim] : undefined;
  const roles = (Array.isArray(value) ? value : [value]).map(findRole);
  return roles.includes("manage") ? "manage" : roles.find((role) => role !== undefined);
}

/** Names the wrong claim. This does not help forgers: claims are checked after the signature. */
function toDomainError(error: unknown): Error {
  if (error instanceof errors.JWTExpired) return tokenExpired();
  if (error instanceof errors.JWTClaimValidationFailed) {
    return tokenInvalid(`has a wrong claim ${JSON.stringify(error.claim)}, or lacks it`);
  }
  const isTokenError = tokenErrors.some((type) => error instanceof type);
  return isTokenError ? tokenInvalid() : keySetUnavailable(error);
}

/** The errors that the token causes. With any other error, the keys could not be fetched. */
const tokenErrors = [
  ...[errors.JWSSignatureVerificationFailed, errors.JWSInvalid, errors.JWTInvalid],
  ...[errors.JOSEAlgNotAllowed, errors.JOSENotSupported],
  ...[errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys],
];

/** Asymmetric signatures only: with HMAC, everyone who can verify a token can sign one. */
const algorithms = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];
const compactJws = /^[\w-]+\.[\w-]+\.[\w-]*$/;
/** The largest accepted difference between the issuer's clock and ours. */
const toleranceSeconds = 30;
const maxCached = 10_000;
/** The longest that a token stays cached, and so the longest that it can outlive its key. */
const maxCachedMs = 300_000;
