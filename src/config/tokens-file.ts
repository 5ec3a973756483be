import {
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { type Caller, findRole, isCallerName } from "../domain/caller.js";
import { readNamedFile } from "./named-file.js";

/** A token that is taken: whose it is, and its hash, since the token itself is nobody's business. */
export type TokenEntry = { readonly caller: Caller; readonly sha256: Buffer };

/**
 * Reads what AUTH_TOKENS_FILE names: a JSON list of `{name, role, sha256}`. A name may have several
 * tokens, so that one can follow the other.
 *
 * @throws Error naming line and field of what is wrong and what was expected, but neither a token nor
 *   a hash, nor any other text of the file.
 */
export function parseTokens(text: string): readonly TokenEntry[] {
  const errors: ParseError[] = [];
  const lineAt = lineFinder(text);
  const list = parseTree(text, errors, { disallowComments: true });
  const [error] = errors;
  const expected = 'expected a JSON list of {"name": …, "role": …, "sha256": …}';
  if (error !== undefined) {
    const problem = printParseErrorCode(error.error);
    throw new Error(`line ${lineAt(error.offset)} is no JSON (${problem}); ${expected}`);
  }
  if (list?.type !== "array") throw new Error(`line 1 begins no list; ${expected}`);
  const items = list.children ?? [];
  if (items.length > maxTokens) {
    throw new Error(`the list has ${items.length} tokens; expected at most ${maxTokens}`);
  }
  const entries = items.map((item) => parseEntry(item, lineAt(item.offset)));
  rejectDuplicates(entries, (i) => lineAt(items[i]?.offset ?? 0));
  return entries;
}

function parseEntry(item: Node, line: number): TokenEntry {
  const refuse = (field: string, expected: string): never => {
    throw new Error(`line ${line}: ${field}; expected ${expected}`);
  };
  if (item.type !== "object") refuse("an entry is no object", "name, role and sha256");
  const { name, role: roleName, sha256, ...others } = getNodeValue(item);
  if (!isCallerName(name)) refuse("name is wrong", "1 to 200 visible ASCII characters");
  const role = findRole(roleName) ?? refuse("role is wrong", '"calculate" or "manage"');
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/i.test(sha256)) {
    refuse("sha256 is wrong", "the 64 hexadecimal digits of the token's SHA-256");
  }
  if (Object.keys(others).length > 0) {
    refuse("an entry has a field too many", "name, role and sha256 alone");
  }
  return { caller: { name, role }, sha256: Buffer.from(sha256, "hex") };
}

/** One token with two names or roles would be anyone's guess. */
function rejectDuplicates(entries: readonly TokenEntry[], lineAt: (index: number) => number): void {
  const lines = new Map<string, number>();
  entries.forEach(({ sha256 }, i) => {
    const hash = sha256.toString("hex");
    const first = lines.get(hash);
    if (first !== undefined) {
      throw new Error(`line ${lineAt(i)}: sha256 is that of line ${first}; expected another`);
    }
    lines.set(hash, lineAt(i));
  });
}

/** Tells the line of an offset, in a text that may have thousands of them. */
function lineFinder(text: string): (offset: number) => number {
  const ends = [...text.matchAll(/\n/g)].map(({ index }) => index);
  return (offset) => 1 + ends.filter((end) => end < offset).length;
}

/** Each call's token is compared with all of them. */
const maxTokens = 1000;
/** @throws Error naming the variable and what is wrong with its file. */
export function readTokensFile(path: string): readonly TokenEntry[] {
  return readNamedFile("AUTH_TOKENS_FILE", path, parseTokens);
}
