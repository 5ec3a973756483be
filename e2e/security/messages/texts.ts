import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import type { Random } from "../support/random.js";
import { validMessage } from "./valid.js";

/** Where a message has a text: the fields that lead there. */
export type TextPath = readonly DescField[];

/** Every text of a message, in it and in the messages within. */
export function textPaths({ fields }: DescMessage): readonly TextPath[] {
  return fields.flatMap((field) => {
    if (field.scalar === ScalarType.STRING) return [[field]];
    // Times are texts in JSON only.
    if (field.message === undefined || field.message.typeName.startsWith("google.")) return [];
    return textPaths(field.message).map((path) => [field, ...path]);
  });
}

/** A message as a caller would send it, but for one text. */
export function messageWithText(
  desc: DescMessage,
  [field, ...rest]: TextPath,
  text: string,
  random: Random,
): JsonObject {
  const message: Record<string, JsonValue> = { ...validMessage(desc, random) };
  if (field === undefined) return message;
  for (const other of field.oneof?.fields ?? []) delete message[other.name];
  const value =
    field.message === undefined ? text : messageWithText(field.message, rest, text, random);
  message[field.name] = field.fieldKind === "list" ? [value] : value;
  return message;
}

/** As it can be sent: a lone surrogate becomes U+FFFD. */
export function toWellFormed(text: string): string {
  return Buffer.from(text).toString();
}

/** What databases, shells, terminals, templates and parsers have stumbled over. */
export const hostileTexts: readonly string[] = [
  ...["'", "''", '"', "\\", "\\'", "`", ";", "--", "/*", "?", "??", ":name", "$1", "%s", "%", "_"],
  "' or '1'='1",
  "'; drop table llm_prices; --",
  "'); delete from llm_price_revisions; --",
  "1; select pg_sleep(30)",
  "' union select version(), current_user, null --",
  "$$; update llm_prices set provider = 'x'; $$",
  "x' and (select count(*) from price_book) > 0 --",
  "E'\\047; select 1'",
  "\\x27; copy charge_types to program 'id'",
  // Bindings of Knex, its identifiers, and what a key of an object might mean to it.
  ...["?:", ":x:", "\\?", '{"$ne":""}', "[object Object]", "__proto__", "constructor"],
  // Control characters, and those that end lines, texts and terminals' patience.
  ...["\0", "a\0b", "\r\n", "a\nb", "\t", "\b", "\x1b[2J\x1b]0;x\x07", "\x7f", "\x85", "\u2028"],
  // Written from right to left, of no width, composed in two ways, of four bytes, and of none.
  ...["\u202egpt", "a\u200bb", "\ufeff", "é", "e\u0301", "\u{1f4b6}", "\u{1f468}\u200d\u{1f469}"],
  ...[
    "\ud800",
    "\udfff\ud800",
    "\uffff",
    "\ufffd",
    "Ａ",
    "ß",
    "ı",
    "K",
    "Z\u0351\u0300".repeat(40),
  ],
  // Paths, addresses, templates, formats.
  ...["../../etc/passwd", "file:///etc/passwd", "C:\\con", "//evil.example/x", "%2e%2e%2f", "%00"],
  ...["{{7*7}}", "#{7*7}", `\${7*7}`, "$(id)", "|id", "<script>alert(1)</script>", "=1+1", "@x"],
  // Numbers, nearly.
  ...[
    "NaN",
    "-Infinity",
    "1e9999",
    "0x10",
    "+1",
    "1_000",
    "١",
    "-0",
    "1.",
    ".5",
    "1,5",
    " 1",
    "1 ",
  ],
  ...["9".repeat(400), `0.${"0".repeat(4000)}1`, "1".repeat(50_000)],
  ...["", " ", "a".repeat(256), "a".repeat(1001), "é".repeat(40_000), "\0".repeat(3000)],
  // Times and ids, nearly; tokens of pages that no list has given.
  ...[
    "2026-02-31",
    "00000000-0000-0000-0000-000000000000",
    "{123e4567-e89b-12d3-a456-426614174000}",
  ],
  ...["W10", "bnVsbA", "e30", Buffer.from('["x",["a","b","c"],1e300]').toString("base64url")],
];
