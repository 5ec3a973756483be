import { printParseErrorCode, visit } from "jsonc-parser";
import { quote } from "../../../domain/domain-error.js";
import { invalidFile } from "./file-text.js";
import { isObject, maxDepth, type PlainData, type PlainObject } from "./plain-data.js";

/**
 * Reads a JSON object and keeps the texts of its numbers, which JSON.parse does not.
 *
 * @throws DomainError INVALID_FIELD with the line of a syntax error, of a key that occurs twice in
 *   one object, and of nesting that is too deep.
 */
export function readJsonObject(text: string): PlainObject {
  const builder = createBuilder();
  visit(
    text,
    {
      onObjectBegin: (_offset, _length, line) => builder.open(new Map(), line),
      onObjectProperty: (name, _offset, _length, line) => builder.name(name, line),
      onObjectEnd: () => builder.close(),
      onArrayBegin: (_offset, _length, line) => builder.open([], line),
      onArrayEnd: () => builder.close(),
      onLiteralValue: (value, offset, length) =>
        builder.add(
          typeof value === "number" ? { number: text.slice(offset, offset + length) } : value,
        ),
      onError: (code, _offset, _length, line) => {
        throw invalidFile(`is no JSON at line ${line + 1}: ${printParseErrorCode(code)}`);
      },
    },
    { disallowComments: true, allowTrailingComma: false },
  );
  const root = builder.root();
  if (!isObject(root)) throw invalidFile("is no JSON object");
  return root;
}

/** The containers that are open, innermost last. */
type Open = { readonly container: Map<string, PlainData> | PlainData[]; key: string };

function createBuilder() {
  const stack: Open[] = [];
  let root: PlainData | undefined;
  const add = (value: PlainData) => {
    const open = stack.at(-1);
    if (open === undefined) root = value;
    else if (Array.isArray(open.container)) open.container.push(value);
    else open.container.set(open.key, value);
  };
  return {
    add,
    open: (container: Open["container"], line: number) => {
      if (stack.length >= maxDepth) {
        throw invalidFile(`is nested deeper than ${maxDepth} levels at line ${line + 1}`);
      }
      add(container);
      stack.push({ container, key: "" });
    },
    name: (key: string, line: number) => {
      const open = stack.at(-1);
      if (open === undefined || Array.isArray(open.container)) return;
      if (open.container.has(key)) {
        throw invalidFile(
          `has the key ${quote(key)} twice in one object, again at line ${line + 1}`,
        );
      }
      open.key = key;
    },
    close: () => void stack.pop(),
    root: () => root,
  };
}
