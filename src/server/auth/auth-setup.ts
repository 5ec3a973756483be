import type { Logger } from "pino";
import { type AuthConfig, isAuthenticated, type JwtConfig } from "../../config/auth-config.js";
import { readTokensFile } from "../../config/tokens-file.js";
import { type FileMetrics, watchFiles } from "../tls/file-watcher.js";
import { type Authenticator, createAuthenticator, type JwtVerifier } from "./authenticator.js";
import { watchKeySet } from "./jwks.js";
import { createJwtVerifier } from "./jwt-verifier.js";

/** The authenticator, with the watchers of its tokens file and key set. */
export type Authentication = {
  /** Undefined if authentication is off: then every caller may call every method. */
  readonly authenticator: Authenticator | undefined;
  /** Stops watching. */
  readonly close: () => void;
};

/**
 * Reads the tokens file and starts to fetch the key set, as configured.
 *
 * @throws Error naming the variable when a file cannot be read.
 */
export async function createAuthentication(
  config: AuthConfig,
  maxCallsInFlight: number,
  metrics: FileMetrics,
  log: Logger,
): Promise<Authentication> {
  if (!isAuthenticated(config)) return { authenticator: undefined, close: () => {} };
  const tokens = await openTokensFile(config.tokensFile, metrics, log);
  const jwts = openJwtVerifier(config.jwt, maxCallsInFlight, metrics, log);
  return {
    authenticator: createAuthenticator(tokens.current, jwts.verify),
    close: () => {
      tokens.close();
      jwts.close();
    },
  };
}

async function openTokensFile(path: string | undefined, metrics: FileMetrics, log: Logger) {
  const variable = "AUTH_TOKENS_FILE";
  if (path === undefined) return { current: () => [], close: () => {} };
  const tokens = await watchFiles([path], () => readTokensFile(path), {
    onRead: (entries) => {
      metrics.fileRead(variable, true);
      log.info({ variable, tokens: entries.length }, "read a changed file");
    },
    onBroken: ({ message }) => {
      metrics.fileRead(variable, false);
      log.error({ variable, problem: message }, "kept what a file had before");
    },
  });
  metrics.fileRead(variable, true);
  return tokens;
}

function openJwtVerifier(
  config: JwtConfig | undefined,
  maxCallsInFlight: number,
  metrics: FileMetrics,
  log: Logger,
): { readonly verify: JwtVerifier; readonly close: () => void } {
  if (config === undefined) return { verify: () => undefined, close: () => {} };
  const variable = "AUTH_JWKS_URL";
  const { keys, close } = watchKeySet(config.jwksUrl, (error) => {
    metrics.fileRead(variable, error === undefined);
    if (error !== undefined) log.error({ variable, err: error }, "cannot fetch the key set");
  });
  return { verify: createJwtVerifier(config, keys, maxCallsInFlight), close };
}
