import { type AuthConfig, isAuthenticated, type JwtConfig } from "./auth-config.js";
import { collectProblem, type ReadVariable, textReader, trueOrFalse } from "./environment.js";
import { readTokensFile } from "./tokens-file.js";

/** How callers are told apart, and what strangers may ask. */
export function readAuth(read: ReadVariable, problems: string[]): AuthConfig {
  const tokensFile = textReader(read)("AUTH_TOKENS_FILE");
  if (tokensFile !== undefined) collectProblem(() => readTokensFile(tokensFile), problems);
  const jwt = readJwt(read, problems);
  const config = { tokensFile, jwt, publicReflection: true, publicHealth: true };
  const whenUnset = isAuthenticated(config) ? "false" : "true";
  return {
    ...config,
    publicReflection: read("PUBLIC_REFLECTION", whenUnset, ...trueOrFalse),
    publicHealth: read("PUBLIC_HEALTH", whenUnset, ...trueOrFalse),
  };
}

/** Tokens of whoever, or for whomever, are none that we asked for: both have to be named. */
function readJwt(read: ReadVariable, problems: string[]): JwtConfig | undefined {
  const text = textReader(read);
  const expected = "a URL of https, or on loopback of http, without a user's name or password";
  const jwksUrl = read("AUTH_JWKS_URL", undefined, expected, parseSecureUrl);
  const others = { AUTH_ISSUER: text("AUTH_ISSUER"), AUTH_AUDIENCE: text("AUTH_AUDIENCE") };
  const { AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience } = others;
  const roleClaim = text("AUTH_ROLE_CLAIM") ?? "role";
  if (jwksUrl !== undefined && issuer !== undefined && audience !== undefined) {
    return { jwksUrl, issuer, audience, roleClaim };
  }
  const set = { AUTH_JWKS_URL: text("AUTH_JWKS_URL"), ...others };
  const [alone] = Object.entries(set).filter(([, value]) => value !== undefined);
  const missing = Object.entries(set).filter(([, value]) => value === undefined);
  if (alone !== undefined && missing.length > 0) {
    const names = missing.map(([name]) => name).join(" and ");
    const shown = alone[0] === "AUTH_JWKS_URL" ? "set" : JSON.stringify(alone[1]);
    problems.push(`${alone[0]} is ${shown}; expected ${names} with it`);
  }
  return undefined;
}

/** Whoever can change keys on their way can sign what they like. */
function parseSecureUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, username, password } = new URL(text);
  // They are in no request, but in each message about one.
  if (username !== "" || password !== "") return undefined;
  const isLocal = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
  return protocol === "https:" || (protocol === "http:" && isLocal) ? text : undefined;
}
