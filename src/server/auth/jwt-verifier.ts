import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import type { JwtConfig } from "../../config/auth-config.js";
import { type Caller, findRole, isCallerName, type Role } from "../../domain/caller.js";
import { keySetUnavailable, tokenExpired, tokenInvalid } from "./auth-errors.js";
import type { JwtVerifier } from "./authenticator.js";

/**
 * Takes JWTs that the issuer has signed for us. A caller is who the claim `sub` names. What has been
 * verified is remembered for a while, so that most calls are let in at once.
 */
export function createJwtVerifier(
  config: Omit<JwtConfig, "jwksUrl">,
  keys: JWTVerifyGetKey,
): JwtVerifier {
  const verified = new LRUCache<string, Verified>({ max: maxRemembered });
  return (token, digest) => {
    if (!compactJws.test(token)) return undefined;
    const id = digest.toString("base64");
    const known = verified.get(id);
    if (known !== undefined && Date.now() < known.untilMs) return known.caller;
    return verify(token, config, keys).then((found) => {
      verified.set(id, found);
      return found.caller;
    });
  };
}

type Verified = { readonly caller: Caller; readonly untilMs: number };

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
  const untilMs = Math.min((exp + toleranceSeconds) * 1000, Date.now() + rememberedMs);
  return { caller: { name, role: roleIn(payload, roleClaim) }, untilMs };
}

/** The role that a claim holds, alone or among others: the one that allows more. */
function roleIn(payload: JWTPayload, claim: string): Role | undefined {
  const value = Object.hasOwn(payload, claim) ? payload[claim] : undefined;
  const roles = (Array.isArray(value) ? value : [value]).map(findRole);
  return roles.includes("manage") ? "manage" : roles.find((role) => role !== undefined);
}

/** Claims are looked at when the signature is right: to say which is wrong helps no forger. */
function toDomainError(error: unknown): Error {
  if (error instanceof errors.JWTExpired) return tokenExpired();
  if (error instanceof errors.JWTClaimValidationFailed) {
    return tokenInvalid(`has a wrong claim ${JSON.stringify(error.claim)}, or lacks it`);
  }
  const isTokensFault = faultsOfTokens.some((fault) => error instanceof fault);
  return isTokensFault ? tokenInvalid() : keySetUnavailable(error);
}

const faultsOfTokens = [
  ...[errors.JWSSignatureVerificationFailed, errors.JWSInvalid, errors.JWTInvalid],
  ...[errors.JOSEAlgNotAllowed, errors.JOSENotSupported],
  ...[errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys],
];

/** Signatures that need a key which the issuer alone has: with HMAC, whoever can check can sign. */
const algorithms = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];
const compactJws = /^[\w-]+\.[\w-]+\.[\w-]*$/;
/** How far the issuer's clock may be from ours. */
const toleranceSeconds = 30;
const maxRemembered = 10_000;
/** So long a token may outlive its key. */
const rememberedMs = 300_000;
