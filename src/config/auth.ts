import { type AuthConfig, readTokensFile } from "../server/auth/authentication.js";
import { noteProblem, type Read, trueOrFalse } from "./reader.js";

/** How callers are told apart, and what strangers may ask. */
export function readAuth(read: Read, problems: string[]): AuthConfig {
  const tokensFile = read("AUTH_TOKENS_FILE", undefined, "the path of a file", (path) => path);
  if (tokensFile !== undefined) noteProblem(() => readTokensFile(tokensFile), problems);
  const isAuthenticated = tokensFile !== undefined;
  const whenUnset = isAuthenticated ? "false" : "true";
  return {
    tokensFile,
    publicReflection: read("PUBLIC_REFLECTION", whenUnset, ...trueOrFalse),
    publicHealth: read("PUBLIC_HEALTH", whenUnset, ...trueOrFalse),
  };
}
