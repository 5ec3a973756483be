#!/usr/bin/env bash
# protobuf-es reads the JSON date of 31 February as 3 March
#
# The good guess: a Timestamp in protobuf JSON is RFC 3339. The parser rejects 32 February and month 13.
#   So it also rejects a day that its month does not have.
# What happens: the library checks that there are digits in the right places, and gives the text to
#   `Date.parse`. V8's `Date.parse` accepts days up to 31 in each month, and moves the surplus days into
#   the next month. The caller gets no error and another day. The hour 24 is accepted, too.
# Why it matters for pricing: `as_of` says which day is priced. A typing error at the end of a month
#   prices the next month. The answer looks correct, and the wrong charge is billed.
#
# Seen with: @bufbuild/protobuf 2.13.0 and 2.17.0 on Node 20.20.2. Output (the same for both):
#   2026-02-29T00:00:00Z -> 2026-03-01T00:00:00Z
#   2026-02-31T00:00:00Z -> 2026-03-03T00:00:00Z
#   2026-04-31T00:00:00Z -> 2026-05-01T00:00:00Z
#   2026-02-28T24:00:00Z -> 2026-03-01T00:00:00Z
#   2026-02-32T00:00:00Z -> rejected
#   2026-13-01T00:00:00Z -> rejected
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund \
  older@npm:@bufbuild/protobuf@2.13.0 newer@npm:@bufbuild/protobuf@2.17.0

cat > check.mjs <<'JS'
const expected = new Map([
  ["2026-02-29T00:00:00Z", "2026-03-01T00:00:00Z"],
  ["2026-02-31T00:00:00Z", "2026-03-03T00:00:00Z"],
  ["2026-04-31T00:00:00Z", "2026-05-01T00:00:00Z"],
  ["2026-02-28T24:00:00Z", "2026-03-01T00:00:00Z"],
  ["2026-02-32T00:00:00Z", "rejected"],
  ["2026-13-01T00:00:00Z", "rejected"],
]);

let isAsStated = true;
for (const [name, version] of [["older", "2.13.0"], ["newer", "2.17.0"]]) {
  const { fromJson, toJson } = await import(name);
  const { TimestampSchema } = await import(`${name}/wkt`);
  console.log(`@bufbuild/protobuf ${version}, Node ${process.version}`);
  for (const [sent, stated] of expected) {
    let read = "rejected";
    try {
      read = toJson(TimestampSchema, fromJson(TimestampSchema, sent));
    } catch {}
    console.log(`  ${sent} -> ${read}`);
    isAsStated &&= read === stated;
  }
}
if (isAsStated) {
  console.log("As stated: a day that the month does not have becomes a day of the next month.");
} else {
  console.log("Changed: the dates are read in another way now.");
  process.exitCode = 1;
}
JS
node check.mjs
