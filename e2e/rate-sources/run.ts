import { createChecks } from "../../bench/support/checks.js";
import { readSuiteArguments } from "../../bench/support/suite-arguments.js";
import { readFileText } from "../../src/cli/rates/data/file-text.js";
import { noteKinds, omissionReasons, type RateFile } from "../../src/cli/rates/rate-file.js";
import { type RateSource, rateSources } from "../../src/cli/rates/rate-sources.js";
import { readRateFile } from "../../src/cli/rates/read-rate-file.js";
import { printTable } from "../support/print-table.js";
import { checkCards } from "./check-cards.js";
import { countBy, type ReadFile } from "./expectations.js";
import { checkGenaiPrices } from "./genai-prices.js";
import { type FileToImport, importFiles } from "./import-files.js";
import { checkLiteLlm } from "./litellm.js";
import { checkModelsDev } from "./models-dev.js";
import { downloadPriceFile, packages } from "./packages.js";

/**
 * Downloads the published price files in pinned versions, reads them, and compares what they become
 * with counts that were made without this program, and with rates of models that people have looked
 * up. Then imports them twice with the command line.
 */
const checkers: Readonly<Record<RateSource, (read: ReadFile) => void>> = {
  litellm: checkLiteLlm,
  "genai-prices": checkGenaiPrices,
  "models-dev": checkModelsDev,
};

const checks = createChecks();
const { includes } = readSuiteArguments(rateSources);
const rows: (readonly string[])[] = [];
const reasons: (readonly string[])[] = [];
const files: FileToImport[] = [];
for (const source of rateSources.filter(includes)) {
  const { requirement } = packages[source];
  console.log(`\n${requirement}`);
  const bytes = downloadPriceFile(source);
  const start = performance.now();
  const file = readRateFile(source, bytes);
  const seconds = (performance.now() - start) / 1000;
  const read = { file, text: readFileText(bytes), checks };
  checkers[source](read);
  checkCards(read);
  rows.push([requirement, ...summarize(file), seconds.toFixed(2)]);
  files.push({ source, bytes, file });
  reasons.push(...reasonsOf(file).map((row) => [requirement, ...row]));
}
const columns = [
  "cards",
  "providers",
  "revisions",
  "rates",
  "left out",
  "fields left out",
  "notes",
  "s",
];
console.log();
printTable(["package", ...columns], rows, (column) => column === 0);
console.log();
const headings = ["package", "reason or note", "entries", "fields"];
printTable(headings, reasons, (column) => column < 2);
console.log();
const imports = await importFiles(files, checks);
console.log();
printTable(
  ["import", "added", "changed", "ended", "unchanged", "first, s", "second, s"],
  imports.map(({ source, first, second }) => [
    source,
    ...["created", "updated", "ended", "unchanged"].map((name) =>
      String(first.counts[`${name}Count`]),
    ),
    ...[first, second].map(({ seconds }) => seconds.toFixed(1)),
  ]),
  (column) => column < 1,
);
checks.print();
process.exitCode = checks.failed() === 0 ? 0 : 1;

/** Counts cards, providers, revisions, rates, omissions of entries and of fields, and notes. */
function summarize({ cards, omitted, notes }: RateFile): readonly string[] {
  const revisions = cards.flatMap((card) => card.revisions);
  const rates = revisions.reduce((sum, { card }) => sum + (card?.rates.length ?? 0), 0);
  const fields = omitted.filter(({ field }) => field !== undefined).length;
  const providers = countBy(cards, ({ provider }) => provider).size;
  return [cards.length, providers, revisions.length, rates, omitted.length - fields, fields]
    .concat(notes.length)
    .map(String);
}

/** Counts omissions by their reasons, and notes by their kinds. */
function reasonsOf({ omitted, notes }: RateFile): readonly (readonly string[])[] {
  const entries = countBy(
    omitted.filter(({ field }) => field === undefined),
    ({ reason }) => reason,
  );
  const fields = countBy(
    omitted.filter(({ field }) => field !== undefined),
    ({ reason }) => reason,
  );
  const kinds = countBy(notes, ({ kind }) => kind);
  return [
    ...Object.keys(omissionReasons).map((name) => [
      name,
      entries.get(name) ?? 0,
      fields.get(name) ?? 0,
    ]),
    ...Object.keys(noteKinds).map((name) => [name, 0, kinds.get(name) ?? 0]),
  ]
    .filter(([, ...counts]) => counts.some((count) => count !== 0))
    .map((row) => row.map(String));
}
