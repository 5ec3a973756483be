import {
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { type Caller, createCaller, findRole, isCallerName } from "../domain/caller.js";
import { readNamedFile } from "./named-file.js";

/** An accepted token: its caller, and its hash. The token itself is not stored. */
export type TokenEntry = { readonly caller: Caller; readonly sha256: Buffer };

/**
 * Parses the file of AUTH_TOKENS_FILE: a JSON list of `{name, role, sha256}`. A name may have
 * several tokens, so that tokens can be rotated.
 *
 * @throws Error with the line, the field and what was expected. The message contains no token, hash
 *   or other text of the file.
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
  const reject = (field: string, expected: string): never => {
    throw new Error(`line ${line}: ${field}; expected ${expected}`);
  };
  if (item.type !== "object") reject("an entry is no object", "name, role and sha256");
  const { name, role: roleName, sha256, ...others } = getNodeValue(item);
  if (!isCallerName(name)) reject("name is wrong", "1 to 200 visible ASCII characters");
  const role = findRole(roleName) ?? reject("role is wrong", '"calculate" or "manage"');
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/i.test(sha256)) {
    reject("sha256 is wrong", "the 64 hexadecimal digits of the token's SHA-256");
  }
  if (Object.keys(others).length > 0) {
    reject("an entry has a field too many", "name, role and sha256 alone");
  }
  return { caller: createCaller(name, role), sha256: Buffer.from(sha256, "hex") };
}

/** Rejects a token that is listed twice: it would have two names or roles. */
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

/** Returns a function that finds the line number of an offset. */
function lineFinder(text: string): (offset: number) => number {
  const ends = [...text.matchAll(/\n/g)].map(({ index }) => index);
  return (offset) => 1 + ends.filter((end) => end < offset).length;
}

/** Limited because the token of each call is compared with all of them. */
const maxTokens = 1000;

/** Reads the tokens file. @throws Error with the variable and the problem of its file. */
export function readTokensFile(path: string): readonly TokenEntry[] {
  return readNamedFile("AUTH_TOKENS_FILE", path, parseTokens);
}
