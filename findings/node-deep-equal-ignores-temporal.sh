#!/usr/bin/env bash
# Node 26 has Temporal, and assert.deepStrictEqual() finds all instants equal
#
# The good guess: a Node release that has Temporal compares its values, as it compares Date values.
#   `assert.deepStrictEqual(a, b)` fails when two instants are years apart.
# What happens: `deepStrictEqual` passes for any two values of the same Temporal class.
#   `util.isDeepStrictEqual` says true. Temporal keeps its data in internal slots, and these functions
#   look at properties only. `util.inspect` shows `{}`, so a printed object gives no hint either.
# Why it matters for pricing: a price has an instant from which it holds. A test that compares two price
#   rows with `deepStrictEqual` passes with the wrong instant. Code that compares rows with
#   `isDeepStrictEqual` to find out whether a price list changes something finds no change.
#
# Seen with: Node 26.10.0 (Node 20, 22 and 24 have no Temporal). Output:
#   Date:             isDeepStrictEqual false, deepStrictEqual throws
#   Temporal.Instant: equals() false, isDeepStrictEqual true, deepStrictEqual passes
#   inspect: { effectiveFrom: Temporal.Instant {} }
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund node@26.10.0

cat > check.mjs <<'JS'
import assert from "node:assert";
import { inspect, isDeepStrictEqual } from "node:util";

const passes = (a, b) => {
  try {
    assert.deepStrictEqual(a, b);
    return "passes";
  } catch {
    return "throws";
  }
};

const row = (effectiveFrom) => ({ price: "1.25", effectiveFrom });
const [from, to] = ["2026-01-01T00:00:00Z", "2031-06-15T12:00:00Z"];
const dates = [row(new Date(from)), row(new Date(to))];
const instants = [row(Temporal.Instant.from(from)), row(Temporal.Instant.from(to))];
const isEqual = instants[0].effectiveFrom.equals(instants[1].effectiveFrom);

console.log(`Node ${process.version}`);
const show = (rows) => `isDeepStrictEqual ${isDeepStrictEqual(...rows)}, deepStrictEqual ${passes(...rows)}`;
console.log(`Date:             ${show(dates)}`);
console.log(`Temporal.Instant: equals() ${isEqual}, ${show(instants)}`);
console.log(`inspect: ${inspect({ effectiveFrom: instants[0].effectiveFrom })}`);
if (
  !isDeepStrictEqual(...dates) &&
  !isEqual &&
  isDeepStrictEqual(...instants) &&
  passes(...instants) === "passes"
) {
  console.log("As stated: deep equality does not look into Temporal values.");
} else {
  console.log("Changed: deep equality now compares Temporal values, or no longer compares Date values.");
  process.exitCode = 1;
}
JS
./node_modules/.bin/node check.mjs
