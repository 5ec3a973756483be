#!/usr/bin/env bash
# csv-parse takes the line end of the first line for all lines, and keeps the CR of the others in the value
#
# The good guess: a CSV parser without settings reads LF and CRLF alike, also in one file. A price list of
#   which one program wrote the first line and another the rest is read.
# What happens: the parser finds the line end once, in the first line. If that is LF, a later row that ends
#   in CRLF gives the value "1.1\r". If the first is CRLF, a later row that ends in LF is not a row: its
#   values continue in the row before. With `record_delimiter` set to both, every row is right.
# Why it matters for pricing: "1.1\r" is no decimal, so the price is rejected, or with a lenient parser of
#   numbers taken. In the other order two rows become one, and a price is missing without an error if the
#   number of columns is not checked.
#
# Seen with: csv-parse 7.0.3, Node 20.20.2. Output:
#   LF, then CRLF: [["model","price"],["gpt","1.1\r"]]
#   CRLF, then LF: [["model","price"],["gpt","1.1\nopus","1.2"]]
#   with record_delimiter: [["model","price"],["gpt","1.1"],["opus","1.2"]]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund csv-parse@7.0.3

cat > check.mjs <<'JS'
import { parse } from "csv-parse/sync";

const read = (text, options = {}) =>
  JSON.stringify(parse(text, { relax_column_count: true, ...options }));
const found = {
  "LF, then CRLF": read("model,price\ngpt,1.1\r\n"),
  "CRLF, then LF": read("model,price\r\ngpt,1.1\nopus,1.2\r\n"),
  "with record_delimiter": read("model,price\r\ngpt,1.1\nopus,1.2\r\n", {
    record_delimiter: ["\r\n", "\n"],
  }),
};
const stated = {
  "LF, then CRLF": '[["model","price"],["gpt","1.1\\r"]]',
  "CRLF, then LF": '[["model","price"],["gpt","1.1\\nopus","1.2"]]',
  "with record_delimiter": '[["model","price"],["gpt","1.1"],["opus","1.2"]]',
};
console.log(`Node ${process.version}`);
for (const [what, rows] of Object.entries(found)) console.log(`${what}: ${rows}`);
if (JSON.stringify(found) === JSON.stringify(stated)) {
  console.log("As stated: the first line decides, and a CR stays in a value.");
} else {
  console.log("Changed: mixed line ends are read in another way.");
  process.exitCode = 1;
}
JS
node check.mjs
