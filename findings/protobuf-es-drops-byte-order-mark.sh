#!/usr/bin/env bash
# protobuf-es drops a U+FEFF at the start of a text, up to 2.16
#
# The good guess: a string field holds the same characters after encoding and decoding. Two strings with
#   different bytes are two strings.
# What happens: up to 2.16.0 the library writes all bytes, and reads them with a TextDecoder in its default
#   mode, which takes the first three bytes EF BB BF for a byte order mark and drops them. That holds for
#   each string field, not only at the start of a file. A U+FEFF elsewhere stays, and so does each one in
#   JSON. Two keys of a map that differ in it become one, and the last value wins. 2.17.0 keeps it.
# Why it matters for pricing: account ids are often pasted or read from CSV files, which may start with this
#   invisible character. Over binary protobuf the accounts "acme" and "\uFEFFacme" are one account, over
#   JSON they are two. A bill is split in another way, by the format of the request. An update of the
#   library by a minor version changes it again: one account becomes two.
#
# Seen with: @bufbuild/protobuf 2.13.0, 2.16.0 and 2.17.0 on Node 20.20.2. Output of 2.13.0 and 2.16.0:
#   bytes of the field: efbbbf61636d65
#   binary: "\ufeffacme" -> "acme"
#   binary: "ac\ufeffme" -> "ac\ufeffme"
#   JSON:   "\ufeffacme" -> "\ufeffacme"
#   map of two accounts, binary: {"acme":2}
#   with a decoder that has ignoreBOM: "\ufeffacme" -> "\ufeffacme"
# Of 2.17.0 two lines differ:
#   binary: "\ufeffacme" -> "\ufeffacme"
#   map of two accounts, binary: {"acme":1,"\ufeffacme":2}
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund \
  older@npm:@bufbuild/protobuf@2.13.0 last@npm:@bufbuild/protobuf@2.16.0 \
  newer@npm:@bufbuild/protobuf@2.17.0

cat > check.mjs <<'JS'
const show = (text) => JSON.stringify(text).replaceAll("\uFEFF", "\\ufeff");
const versions = [
  { name: "older", version: "2.13.0", isKept: false },
  { name: "last", version: "2.16.0", isKept: false },
  { name: "newer", version: "2.17.0", isKept: true },
];
let isAsStated = true;
for (const { name, version, isKept } of versions) {
  const { create, fromBinary, fromJsonString, toBinary, toJsonString } = await import(name);
  const { configureTextEncoding, getTextEncoding } = await import(`${name}/wire`);
  const { StringValueSchema, StructSchema } = await import(`${name}/wkt`);
  const encode = (value) => toBinary(StringValueSchema, create(StringValueSchema, { value }));
  const overBinary = (value) => fromBinary(StringValueSchema, encode(value)).value;
  const overJson = (value) => {
    const json = toJsonString(StringValueSchema, create(StringValueSchema, { value }));
    return fromJsonString(StringValueSchema, json).value;
  };
  const number = (value) => ({ kind: { case: "numberValue", value } });
  const accounts = { fields: { acme: number(1), "\uFEFFacme": number(2) } };
  const { fields } = fromBinary(StructSchema, toBinary(StructSchema, create(StructSchema, accounts)));
  const map = Object.fromEntries(Object.entries(fields).map(([id, { kind }]) => [id, kind.value]));
  const [marked, inside] = ["\uFEFFacme", "ac\uFEFFme"];
  const [read, readInside, readJson] = [overBinary(marked), overBinary(inside), overJson(marked)];

  const defaults = getTextEncoding();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  configureTextEncoding({ ...defaults, decodeUtf8: (bytes) => decoder.decode(bytes) });
  const readWithout = overBinary(marked);
  configureTextEncoding(defaults);

  console.log(`@bufbuild/protobuf ${version}, Node ${process.version}`);
  console.log(`  bytes of the field: ${Buffer.from(encode(marked)).subarray(2).toString("hex")}`);
  console.log(`  binary: ${show(marked)} -> ${show(read)}`);
  console.log(`  binary: ${show(inside)} -> ${show(readInside)}`);
  console.log(`  JSON:   ${show(marked)} -> ${show(readJson)}`);
  console.log(`  map of two accounts, binary: ${show(map)}`);
  console.log(`  with a decoder that has ignoreBOM: ${show(marked)} -> ${show(readWithout)}`);
  isAsStated &&= read === (isKept ? marked : "acme");
  isAsStated &&= show(map) === (isKept ? '{"acme":1,"\\ufeffacme":2}' : '{"acme":2}');
  isAsStated &&= [readJson, readWithout].every((text) => text === marked) && readInside === inside;
}
if (isAsStated) {
  console.log("As stated: up to 2.16.0 a U+FEFF at the start of a text is lost, in binary alone.");
} else {
  console.log("Changed: a U+FEFF at the start of a text is read in another way now.");
  process.exitCode = 1;
}
JS
node check.mjs
