import { parser } from "@lezer/python";
import { quote } from "../../../domain/domain-error.js";
import { invalidFile } from "./file-text.js";
import { asCall, maxDepth, type PlainData, type PlainObject } from "./plain-data.js";
import { parsePythonString } from "./python-string.js";

/**
 * Reads the value that a Python file assigns to a name at its top level: literals, lists, dicts,
 * and calls of them. Runs nothing. Returns undefined if the file does not assign to the name.
 *
 * @throws DomainError INVALID_FIELD with the line of a syntax error, and of every other kind of
 *   expression.
 */
export function readPythonAssignment(text: string, name: string): PlainData | undefined {
  const { topNode } = parser.parse(text);
  rejectSyntaxErrors(text, topNode);
  for (const statement of topNode.getChildren("AssignStatement")) {
    const [target, ...others] = childrenOf(statement);
    const value = others.at(-1);
    if (target === undefined || value === undefined) continue;
    if (textOf(text, target) === name) return readValue(text, value, 0);
  }
  return undefined;
}

type SyntaxNode = ReturnType<typeof parser.parse>["topNode"];

function rejectSyntaxErrors(text: string, top: SyntaxNode): void {
  const cursor = top.cursor();
  do {
    if (cursor.type.isError) throw invalidFile(`is no Python at line ${lineOf(text, cursor.node)}`);
  } while (cursor.next());
}

function readValue(text: string, node: SyntaxNode, depth: number): PlainData {
  if (depth > maxDepth) {
    throw invalidFile(`is nested deeper than ${maxDepth} levels at line ${lineOf(text, node)}`);
  }
  const source = textOf(text, node);
  switch (node.name) {
    case "String":
      return parsePythonString(source) ?? reject(text, node);
    case "ContinuedString":
      return childrenOf(node)
        .map((part) => parsePythonString(textOf(text, part)) ?? reject(text, part))
        .join("");
    case "Number":
      return { number: source.replaceAll("_", "") };
    case "UnaryExpression":
      return /^-[\d.]/.test(source) ? { number: source.replaceAll("_", "") } : reject(text, node);
    case "Boolean":
      return source === "True";
    case "None":
      return null;
    case "ArrayExpression":
    case "TupleExpression":
      return childrenOf(node).map((each) => readValue(text, each, depth + 1));
    case "DictionaryExpression":
      return readDict(text, node, depth);
    case "CallExpression":
      return readCall(text, node, depth);
    case "VariableName":
    case "MemberExpression":
      // A name by itself, such as datetime.UTC.
      return /^[\w.]+$/.test(source)
        ? { callee: source, positional: [], named: new Map() }
        : reject(text, node);
    default:
      return reject(text, node);
  }
}

function readDict(text: string, node: SyntaxNode, depth: number): PlainObject {
  const map = new Map<string, PlainData>();
  let key: SyntaxNode | undefined;
  for (const each of childrenOf(node)) {
    if (key === undefined) {
      key = each;
      continue;
    }
    const name = readValue(text, key, depth + 1);
    if (typeof name !== "string" || map.has(name)) return reject(text, key);
    map.set(name, readValue(text, each, depth + 1));
    key = undefined;
  }
  return map;
}

function readCall(text: string, node: SyntaxNode, depth: number): PlainData {
  const [callee, list] = childrenOf(node);
  const called = callee && asCall(readValue(text, callee, depth + 1));
  if (called === undefined || list === undefined) return reject(text, node);
  const positional: PlainData[] = [];
  const named = new Map<string, PlainData>();
  let name: SyntaxNode | undefined;
  for (const each of childrenOf(list)) {
    if (name === undefined && each.nextSibling?.name === "AssignOp") {
      name = each;
      continue;
    }
    const value = readValue(text, each, depth + 1);
    if (name === undefined) positional.push(value);
    else if (named.has(textOf(text, name))) return reject(text, name);
    else named.set(textOf(text, name), value);
    name = undefined;
  }
  return { callee: called.callee, positional, named };
}

function reject(text: string, node: SyntaxNode): never {
  const place = `${quote(textOf(text, node))} at line ${lineOf(text, node)}`;
  throw invalidFile(`has ${place}; expected literals, lists, dicts and calls of them`);
}

function textOf(text: string, { from, to }: SyntaxNode): string {
  return text.slice(from, to);
}

function lineOf(text: string, { from }: SyntaxNode): number {
  return text.slice(0, from).split("\n").length;
}

/** Returns the children that are no punctuation, type or comment. */
function childrenOf(node: SyntaxNode): readonly SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (/^[A-Z]/.test(child.name) && !skipped.has(child.name)) children.push(child);
  }
  return children;
}

const skipped: ReadonlySet<string> = new Set(["AssignOp", "TypeDef", "Comment"]);
