import type { Logger } from "pino";
import type { Metrics } from "../metrics.js";
import { readNamedFile } from "../named-file.js";
import { watchFiles } from "../watched-files.js";
import { type Authenticator, createAuthenticator } from "./authenticator.js";
import { parseTokens, type TokenEntry } from "./tokens-file.js";

/** How callers are told apart, and what strangers may ask. Can be sent to another process. */
export type AuthConfig = {
  /** Undefined: there are no tokens. */
  readonly tokensFile: string | undefined;
  /** Whether reflection and health are answered to whoever asks. */
  readonly publicReflection: boolean;
  readonly publicHealth: boolean;
};

/** What tells callers apart, and follows what it is told by. */
export type Authentication = {
  /** Undefined: nothing does, and everyone may do everything. */
  readonly authenticator: Authenticator | undefined;
  readonly close: () => void;
};

/** @throws Error naming the variable when a file cannot be read. */
export async function openAuthentication(
  { tokensFile }: AuthConfig,
  metrics: Pick<Metrics, "fileRead">,
  log: Logger,
): Promise<Authentication> {
  if (tokensFile === undefined) return { authenticator: undefined, close: () => {} };
  const tokens = await watchFiles([tokensFile], () => readTokensFile(tokensFile), {
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
  return { authenticator: createAuthenticator(tokens.current), close: tokens.close };
}

/** @throws Error naming the variable and what is wrong with its file. */
export function readTokensFile(path: string): readonly TokenEntry[] {
  return readNamedFile(variable, path, parseTokens);
}

const variable = "AUTH_TOKENS_FILE";
