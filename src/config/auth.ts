import { type AuthConfig, isAuthenticated, type JwtConfig } from "./auth-config.js";
import { collectProblem, type ReadVariable, textReader, trueOrFalse } from "./environment.js";
import { readTokensFile } from "./tokens-file.js";

/** Reads how callers are authenticated, and what is public. */
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

/** Requires issuer and audience: without them, tokens of or for others would be accepted. */
function readJwt(read: ReadVariable, problems: string[]): JwtConfig | undefined {
  const text = textReader(read);
  const expected = "a URL of https, or on loopback of http, without a user's name or password";
  const jwksUrl = read("AUTH_JWKS_URL", undefined, expected, parseSecureUrl);
  const issuerAndAudience = {
    AUTH_ISSUER: text("AUTH_ISSUER"),
    AUTH_AUDIENCE: text("AUTH_AUDIENCE"),
  };
  const { AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience } = issuerAndAudience;
  const roleClaim = text("AUTH_ROLE_CLAIM") ?? "role";
  if (jwksUrl !== undefined && issuer !== undefined && audience !== undefined) {
    return { jwksUrl, issuer, audience, roleClaim };
  }
  const set = { AUTH_JWKS_URL: text("AUTH_JWKS_URL"), ...issuerAndAudience };
  const [first] = Object.entries(set).filter(([, value]) => value !== undefined);
  const missing = Object.entries(set).filter(([, value]) => value === undefined);
  if (first !== undefined && missing.length > 0) {
    const names = missing.map(([name]) => name).join(" and ");
    const shown = first[0] === "AUTH_JWKS_URL" ? "set" : JSON.stringify(first[1]);
    problems.push(`${first[0]} is ${shown}; expected ${names} with it`);
  }
  return undefined;
}

/** Requires https, or http on loopback: an attacker who can replace the keys can sign any token. */
function parseSecureUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, username, password } = new URL(text);
  // Requests would not send them, but error messages would show them.
  if (username !== "" || password !== "") return undefined;
  const isLocal = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
  return protocol === "https:" || (protocol === "http:" && isLocal) ? text : undefined;
}
