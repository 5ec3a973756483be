import { createHash, randomBytes } from "node:crypto";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AuthConfig } from "../../src/config/auth-config.js";
import type { Role } from "../../src/domain/caller.js";
import { createTemporaryFolder } from "./temporary-folder.js";

/** A token with the name and role of its caller. */
export type TestToken = { readonly name: string; readonly role: Role; readonly token: string };

/** A tokens file in its own folder. */
export type TokensFile = {
  readonly path: string;
  /** The configuration that reads the file. */
  readonly auth: AuthConfig;
  /** Replaces the file by one with these tokens, or with any other text. */
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

/** Returns the text of a tokens file. */
export function toTokensText(tokens: readonly TestToken[]): string {
  const entries = tokens.map(({ name, role, token }) => ({
    ...{ name, role },
    sha256: createHash("sha256").update(token).digest("hex"),
  }));
  return JSON.stringify(entries, undefined, 2);
}
