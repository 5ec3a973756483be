#!/usr/bin/env bash
# The newest release of currency-codes has the currencies of June 2024
#
# The good guess: a package whose only content is ISO 4217 follows the standard. Its newest release has
#   the currencies in use, and code() finds no currency that the standard has withdrawn.
# What happens: 2.2.0 has the list that was published on 2024-06-25. XCG (Caribbean guilder, in use since
#   March 2025) is unknown, and so is XAD. ANG, which XCG replaced, is still found. So is BGN, although
#   Bulgaria uses the euro since January 2026. Withdrawn currencies of older bills (HRK, SLL, ZWL) are not
#   found: the package has no list of withdrawn codes.
# Why it matters for pricing: the package says how many decimals a currency has, and so how a charge is
#   rounded. A bill in XCG is rejected. A bill of 2022 in HRK cannot be computed again.
#
# Seen with: currency-codes 2.2.0, Node 20.20.2. Output:
#   list published 2024-06-25
#   unknown: XCG XAD HRK SLL ZWL
#   known: ANG BGN
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund currency-codes@2.2.0

cat > check.cjs <<'JS'
const currencies = require("currency-codes");

const find = (isKnown, codes) => codes.filter((code) => (currencies.code(code) !== undefined) === isKnown);
const codes = ["XCG", "XAD", "ANG", "BGN", "HRK", "SLL", "ZWL"];
const unknown = find(false, codes).join(" ");
const known = find(true, codes).join(" ");
console.log(`Node ${process.version}`);
console.log(`list published ${currencies.publishDate}`);
console.log(`unknown: ${unknown}`);
console.log(`known: ${known}`);
const isOld = currencies.publishDate === "2024-06-25";
if (isOld && unknown === "XCG XAD HRK SLL ZWL" && known === "ANG BGN") {
  console.log("As stated: the list is that of June 2024.");
} else {
  console.log("Changed: the package has another list.");
  process.exitCode = 1;
}
JS
node check.cjs
