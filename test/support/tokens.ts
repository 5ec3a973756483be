import { createHash, randomBytes } from "node:crypto";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AuthConfig } from "../../src/config/auth-config.js";
import type { Role } from "../../src/domain/caller.js";
import { createTemporaryFolder } from "./temporary-folder.js";

/** A token, and whose it is. */
export type TestToken = { readonly name: string; readonly role: Role; readonly token: string };

/** A file of tokens in a folder of its own. */
export type TokensFile = {
  readonly path: string;
  /** What the configuration has for it. */
  readonly auth: AuthConfig;
  /** Puts a file with these tokens, or with any other text, in the place of what is there. */
  readonly replace: (tokens: readonly TestToken[] | string) => void;
  readonly remove: () => void;
};

export function freshToken(name: string, role: Role): TestToken {
  return { name, role, token: randomBytes(24).toString("base64url") };
}

export function createTokensFile(...tokens: readonly TestToken[]): TokensFile {
  const folder = createTemporaryFolder("tokens");
  const path = join(folder, "tokens.json");
  const replace = (content: readonly TestToken[] | string) => {
    const text = typeof content === "string" ? content : toTokensText(content);
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  replace(tokens);
  return {
    path,
    auth: { tokensFile: path, jwt: undefined, publicReflection: false, publicHealth: false },
    replace,
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** The text of a file of tokens. */
export function toTokensText(tokens: readonly TestToken[]): string {
  const entries = tokens.map(({ name, role, token }) => ({
    ...{ name, role },
    sha256: createHash("sha256").update(token).digest("hex"),
  }));
  return JSON.stringify(entries, undefined, 2);
}
