import { type Instant, parseInstant } from "../../../domain/instant.js";
import { convertedCurrencyOf } from "../cards/converted-currencies.js";
import { invalidNameReason } from "../cards/key-names.js";
import { isOpenAiModel } from "../cards/openai-models.js";
import { checkRates, type FieldRate } from "../cards/rate-checks.js";
import { createReport, type Report } from "../cards/report.js";
import { isObject, numberTextOf, type PlainData, type PlainObject } from "../data/plain-data.js";
import type { OmissionReason, RateFileOptions } from "../rate-file.js";
import { type EntryName, notAModelReason, readEntryName } from "./litellm-names.js";
import { readOffPeakHours } from "./litellm-off-peak.js";
import {
  amountsOf,
  isPositive,
  omitOtherFields,
  readSearches,
  readSeconds,
} from "./litellm-other-units.js";
import { readNamedPrices } from "./litellm-prices.js";

/** An entry of LiteLLM's file that is the price of a model. */
export type LiteLlmEntry = EntryName & {
  readonly key: string;
  readonly fields: PlainObject;
  readonly rates: readonly FieldRate[];
  /** When the provider stops to offer the model. */
  readonly endsAt: Instant | undefined;
};

/** Reads an entry, or reports why it is left out. */
export function readLiteLlmEntry(
  key: string,
  fields: PlainData,
  options: RateFileOptions,
  report: Report,
): LiteLlmEntry | undefined {
  // What an entry that is left out lacks is of no interest.
  const draft = createReport();
  const entry = isObject(fields) ? readEntry(key, fields, options, draft) : malformed;
  if ("reason" in entry) {
    const { reason, detail } = entry;
    report.omit(key, reason, detail === undefined ? {} : { detail });
    return undefined;
  }
  report.add(draft);
  return entry;
}

type LeftOut = { readonly reason: OmissionReason; readonly detail?: string };

const malformed: LeftOut = { reason: "MALFORMED", detail: "no object" };

function readEntry(
  key: string,
  fields: PlainObject,
  { includeFree = false }: RateFileOptions,
  report: Report,
): LiteLlmEntry | LeftOut {
  const alias = fields.get("alias_of");
  if (alias !== undefined) return { reason: "ALIAS", detail: String(alias) };
  const notAModel = notAModelReason(key);
  if (notAModel !== undefined) return { reason: "NO_MODEL", detail: notAModel };
  const amounts = amountsOf(fields);
  if (amounts.length === 0) return { reason: "NO_PRICE" };
  const isFree = !amounts.some(isPositive);
  if (isFree && !includeFree) return { reason: "FREE" };

  const name = readEntryName(key, String(fields.get("litellm_provider")));
  const rates = readRates(key, name, fields, report);
  if (rates === undefined) return { reason: "CONDITION", detail: "off_peak_pricing" };
  const hasPrice = rates.some(({ rate }) => isFree || rate.rate.gt(0));
  if (!hasPrice) return { reason: "NO_BUCKET" };
  const currency = convertedCurrencyOf("litellm", name.provider, name.model);
  if (currency !== undefined) return { reason: "CONVERTED_CURRENCY", detail: currency };
  const invalid = invalidNameReason(name.provider, name.model);
  if (invalid !== undefined) return { reason: "INVALID_NAME", detail: invalid };

  noteFields(key, name, fields, report);
  const endsAt = readEnd(key, fields, report);
  return { ...name, key, fields, rates: checkRates(key, rates, report), endsAt };
}

/** Returns undefined if the windows of the prices cannot be read. */
function readRates(
  key: string,
  { provider, model }: EntryName,
  fields: PlainObject,
  report: Report,
): readonly FieldRate[] | undefined {
  const offPeak = fields.get("off_peak_pricing");
  const offPeakHours = isObject(offPeak) ? readOffPeakHours(offPeak) : [];
  if (offPeakHours === undefined) return undefined;
  const hasLongCache = isOpenAiModel(model);
  // xAI's rates for large inputs begin at 200,000. LiteLLM's code knows, and the file does not.
  const beginsAtSize = provider === "xai";
  const named = readNamedPrices({ key, fields, hasLongCache, beginsAtSize, offPeakHours }, report);
  const seconds = named.some(({ rate }) => rate.rate.gt(0)) ? [] : readSeconds(key, fields, report);
  omitOtherFields(key, fields, seconds.length > 0, report);
  return [...named, ...readSearches(key, fields, report), ...seconds];
}

function readEnd(entry: string, fields: PlainObject, report: Report): Instant | undefined {
  const field = "deprecation_date";
  const text = fields.get(field);
  if (text === undefined || text === null) return undefined;
  try {
    return parseInstant(field, String(text));
  } catch {
    report.omit(entry, "MALFORMED", { field, detail: String(text) });
    return undefined;
  }
}

/** Notes what the prices mean beyond their numbers. */
function noteFields(
  entry: string,
  { provider, model }: EntryName,
  fields: PlainObject,
  report: Report,
): void {
  const search = "search_context_cost_per_query";
  const isGemini =
    provider === "gemini" || (provider === "vertex_ai" && /gemini|deep-research/.test(model));
  const unit = fields.get("web_search_billing_unit");
  if (isGemini && fields.has(search) && unit !== "per_query") {
    report.note(entry, "SEARCH_PER_PROMPT", { field: search, value: String(unit ?? "no unit") });
  }
  const free = fields.get("search_free_requests");
  if (isObject(free)) {
    const value = [...free]
      .map(([name, data]) => `${name} ${numberTextOf(data) ?? data}`)
      .join(", ");
    report.note(entry, "FREE_QUOTA", { field: "search_free_requests", value });
  }
  const dbu = "input_dbu_cost_per_token";
  const value = numberTextOf(fields.get(dbu));
  if (value !== undefined) report.note(entry, "CONVERTED_UNIT", { field: dbu, value });
}
