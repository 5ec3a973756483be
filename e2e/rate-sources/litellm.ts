import { createReport } from "../../src/cli/rates/cards/report.js";
import { parsePublishedNumber } from "../../src/cli/rates/data/decimal-text.js";
import { readJsonObject } from "../../src/cli/rates/data/json-data.js";
import {
  isList,
  isObject,
  numberTextOf,
  type PlainData,
  type PlainObject,
} from "../../src/cli/rates/data/plain-data.js";
import { readLiteLlmEntry } from "../../src/cli/rates/litellm/litellm-entry.js";
import type { RateFile } from "../../src/cli/rates/rate-file.js";
import {
  checkLargest,
  checkNumbers,
  checkPairs,
  countBy,
  type Expectation,
  type ReadFile,
} from "./expectations.js";
import { litellmAbsent, litellmRates } from "./litellm-rates.js";

/** Checks what LiteLLM's file must become. The published counts were made by other programs. */
export function checkLiteLlm(read: ReadFile): void {
  const { file, text, checks } = read;
  const json = readJsonObject(text);
  checkOmissions(read, json);
  checkCounts(read, json);
  checkTraps(read);
  checkDigits(read, json);
  const providers = countBy(file.cards, ({ provider }) => provider);
  checkLargest(
    checks,
    providers,
    "fireworks_ai 338, bedrock 328, openai 174, vertex_ai 161, azure 147, deepinfra 136, " +
      "novita 135, azure_ai 127, gmi 119, vercel_ai_gateway 99",
  );
  checkPairs(read, litellmRates, litellmAbsent);
}

function checkOmissions({ file, checks }: ReadFile, json: PlainObject): void {
  const whole = countBy(
    file.omitted.filter(({ field }) => field === undefined),
    ({ reason }) => reason,
  );
  const count = (reason: string) => whole.get(reason) ?? 0;
  const reasons = ["ALIAS", "NO_MODEL", "NO_PRICE", "FREE", "NO_BUCKET"];
  const counted = reasons.map(count).reduce((sum, each) => sum + each);
  checkNumbers(checks, [
    ["entries", 4878, json.size],
    ["left out, without converted prices", 917, counted],
    ["aliases", 98, count("ALIAS")],
    ["no models: 47, sample_spec and fallback_generalizations", 49, count("NO_MODEL")],
    ["no price: 95, less bedrock/guardrails, which has an object of prices", 94, count("NO_PRICE")],
    ["zeros only: 123, less two containers with a price of sessions", 121, count("FREE")],
    ["units without a bucket: 552, and these three", 555, count("NO_BUCKET")],
    ["prices converted from CNY: 3 of bigmodel, 8 of volcengine", 11, count("CONVERTED_CURRENCY")],
    ["other reasons", 0, count("INVALID_NAME") + count("MALFORMED") + count("CONDITION")],
  ]);
}

/** The numbers of cards, providers and rates. Prices converted from CNY have none of them. */
function checkCounts({ file, checks }: ReadFile, json: PlainObject): void {
  const report = createReport();
  const entries = [...json].flatMap(([key, data]) => readLiteLlmEntry(key, data, {}, report) ?? []);
  const removed = report.omitted.filter(({ reason }) =>
    ["CACHE_WRITE_BELOW_INPUT", "TIER_WITHOUT_INPUT"].includes(reason),
  );
  const read = entries.flatMap(({ rates }) => rates).filter(({ rate }) => rate.hours.length === 0);
  const rates = file.cards.flatMap(({ revisions }) => revisions[0]?.card?.rates ?? []);
  const providers = countBy(file.cards, ({ provider }) => provider);
  checkNumbers(checks, [
    ["entries with a card: 3,961, less 11 converted from CNY", 3961 - 11, entries.length],
    ["of them regional", 341, entries.filter(({ region }) => region !== "").length],
    ["cards: 3,582, less 11 converted from CNY", 3582 - 11, file.cards.length],
    ["providers: 95, less bigmodel and volcengine", 95 - 2, providers.size],
    ["rates removed: 51 cache writes and 24 of audio", 51 + 24, removed.length],
    [
      "rates of entries: 17,154, less 47 converted from CNY, and those removed",
      17154 - 47 - 51 - 24,
      read.length,
    ],
    ["rates in cards: each name once, with those that are written out", 20591, rates.length],
    ["fields of cards without a bucket, without DBU", 255, fieldsLeftOut(file)],
    ...ends(file, json),
  ]);
}

function fieldsLeftOut({ omitted }: RateFile): number {
  const reasons: readonly string[] = ["NO_BUCKET", "ALTERNATIVE_UNIT", "SEVERAL_VALUES"];
  return omitted.filter(
    ({ field, reason }) => field && !field.includes("_dbu_") && reasons.includes(reason),
  ).length;
}

function ends({ cards, omitted }: RateFile, json: PlainObject): readonly Expectation[] {
  const unpriced = new Set(
    omitted
      .filter(({ reason }) => reason === "NO_PRICE" || reason === "FREE")
      .map(({ entry }) => entry),
  );
  const past = [...json].filter(
    ([key, fields]) =>
      isObject(fields) &&
      !unpriced.has(key) &&
      String(fields.get("deprecation_date") ?? "9") <= "2026-11-30",
  );
  const instants = cards
    .flatMap(({ revisions }) => revisions.filter(({ card }) => card === undefined))
    .map(({ effectiveFrom = 0 }) => effectiveFrom);
  return [
    ["entries with a price of any unit that have ended by 2026-11-30", 377, past.length],
    ["cards with an end: that of the last of their entries", 619, instants.length],
    ["of them before December 2026", 304, instants.filter((at) => at < december).length],
  ];
}

const december = Date.UTC(2026, 11, 1);

function checkTraps({ file, checks }: ReadFile): void {
  const notes = (kind: string, value = "") =>
    file.notes.filter((note) => note.kind === kind && note.value.startsWith(value)).length;
  const zero = file.omitted.filter(
    ({ reason, detail }) => reason === "CACHE_WRITE_BELOW_INPUT" && detail?.startsWith("0,"),
  );
  const below = file.omitted.filter(({ reason }) => reason === "CACHE_WRITE_BELOW_INPUT");
  const windows = file.cards.filter(({ revisions }) =>
    revisions[0]?.card?.rates.some(({ hours }) => hours.length > 0),
  );
  checkNumbers(checks, [
    ["cache writes below the input: 45, and 6 above 200,000", 51, below.length],
    ["of them 0", 40, zero.length],
    ["priority without a tier of the standard", 14, notes("NO_RATE_ABOVE", "INPUT priority")],
    ["flex without a tier of the standard", 6, notes("NO_RATE_ABOVE", "INPUT flex")],
    ["batch without a tier of the standard", 20, notes("NO_RATE_ABOVE", "INPUT batch")],
    ["tiers without a cache read", 15, notes("NO_RATE_ABOVE", "CACHE_READ >")],
    ["tiers without images", 43, notes("NO_RATE_ABOVE", "INPUT_IMAGE >")],
    ["prices converted from DBU", 80, notes("CONVERTED_UNIT")],
    ["free quotas of searches", 49, notes("FREE_QUOTA")],
    ["searches of Gemini by the prompt", 21, notes("SEARCH_PER_PROMPT")],
    ["multipliers of Vertex AI", 39, notes("GLOBAL_IS_CHEAPER")],
    ["cards with off-peak windows, of 10 entries", 6, windows.length],
  ]);
}

function checkDigits({ checks }: ReadFile, json: PlainObject): void {
  const amounts = [...json]
    .filter(([key]) => key !== "sample_spec")
    .flatMap(([, data]) => amountsIn(data, ""));
  const flaws = countBy(amounts, (amount) => parsePublishedNumber(amount)?.flaw ?? "");
  checkNumbers(checks, [
    ["prices in the file", 20002, amounts.length],
    ["of them with the noise of floats", 61, flaws.get("FLOAT_NOISE") ?? 0],
    ["of them fractions", 18, flaws.get("FRACTION") ?? 0],
  ]);
}

function amountsIn(data: PlainData, path: string): readonly string[] {
  const number = numberTextOf(data);
  if (number !== undefined) return path.includes("cost") ? [number] : [];
  if (isList(data)) return data.flatMap((each) => amountsIn(each, path));
  if (!isObject(data)) return [];
  return [...data].flatMap(([name, each]) => amountsIn(each, `${path}.${name}`));
}
