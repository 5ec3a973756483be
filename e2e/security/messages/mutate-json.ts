import type { JsonObject } from "@bufbuild/protobuf";
import type { Random } from "../support/random.js";

/** Writes a message as JSON that is wrong, or strange, in one way or two. */
export function mutateJson(message: JsonObject, random: Random): Buffer {
  const marked = { ...message };
  const names = Object.keys(message);
  const mark = `mark-${random.uuid()}`;
  // A value of any type in the place of another, under its name or another name.
  const name =
    random.oneIn(3) || names.length === 0 ? random.pick(strangeNames) : random.pick(names);
  Object.defineProperty(marked, name, { value: mark, enumerable: true, configurable: true });
  const text = JSON.stringify(marked).replace(JSON.stringify(mark), () =>
    random.pick(values)(random),
  );
  const bytes = Buffer.from(text);
  return random.oneIn(3) ? random.pick(manglings)(bytes, random) : bytes;
}

const strangeNames = [
  ...["__proto__", "constructor", "toString", "prototype", "hasOwnProperty", "", "$typeName"],
  ...["@type", "ChargeType", "charge_type ", "model\0", "\ud800", "é", "x".repeat(5000)],
];

/** As they are written: JSON.stringify would not write most of them. */
const written = [
  ...["null", "true", "false", "0", "-0", "1e400", "-1e400", "1e-400", "NaN", "Infinity", "0x10"],
  ...["01", "1.", ".5", "9007199254740993", "18446744073709551616", "-1", "1.5", "2147483648"],
  ...['""', '"NaN"', '"Infinity"', '"1e3"', '"+1"', '" 1"', '"1 "', '"\\u0000"', '"\\ud800"'],
  ...['"\\udc00\\ud800"', '"\\uD83D\\uDE00"', '"\\q"', '"', "'x'", "undefined", "", ",", "//x\n1"],
  ...["[]", "[null]", "[[]]", "{}", '{"":0}', '{"__proto__":{"x":1}}', '{"a":1,"a":2}', "[1,2,]"],
  ...['"2026-02-31T00:00:00Z"', '"2026-01-01T24:00:00Z"', '"0000-01-01T00:00:00Z"', '"99999"'],
  ...['"2026-01-01T00:00:00.0000001Z"', '"9999-12-31T23:59:60Z"', '"2026-01-01"', "1767225600"],
];

const values: readonly ((random: Random) => string)[] = [
  ...written.map((text) => () => text),
  (random) => nested("[", "]", random.pick([10, 1000, 30_000])),
  (random) => nested('{"a":', "}", random.pick([10, 1000, 10_000])),
  (random) => JSON.stringify("x".repeat(random.pick([256, 5000, 40_000]))),
  (random) => "9".repeat(random.pick([20, 400, 20_000])),
  (random) => JSON.stringify(random.bytes(20).toString("latin1")),
];

type Mangling = (text: Buffer, random: Random) => Buffer;

const manglings: readonly Mangling[] = [
  (text, random) => text.subarray(0, random.integer(0, text.length)),
  (text, random) => {
    const changed = Buffer.from(text);
    changed[random.integer(0, text.length - 1)] = random.integer(0, 255);
    return changed;
  },
  (text) => Buffer.concat([Buffer.from("\ufeff"), text]),
  (text) => Buffer.from(text.toString(), "utf16le"),
  (text) => Buffer.concat([text, text]),
  (text) => Buffer.concat([text, Buffer.from([0])]),
  (text) => Buffer.from(`[${text}]`),
  // Each name twice.
  (text) => Buffer.from(text.toString().replace(/^\{(.+)\}$/s, "{$1,$1}")),
  (_, random) => random.bytes(random.integer(0, 100)),
];

function nested(open: string, close: string, depth: number): string {
  return `${open.repeat(depth)}1${close.repeat(depth)}`;
}
