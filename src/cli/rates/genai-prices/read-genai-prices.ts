import { convertedCurrencyOf } from "../cards/converted-currencies.js";
import { createReport, type Report } from "../cards/report.js";
import { invalidFile } from "../data/file-text.js";
import { argumentsOf, isList, type PlainObject } from "../data/plain-data.js";
import { readPythonAssignment } from "../data/python-data.js";
import {
  isOfProvider,
  type PublishedCard,
  type RateFile,
  type RateFileOptions,
} from "../rate-file.js";
import { readRevisions } from "./genai-model.js";
import { readNames } from "./genai-names.js";

/**
 * Reads the `data.py` of genai-prices: Python with providers, models, and dated prices in US
 * dollars for a million tokens, a thousand searches, or an hour. Runs no Python.
 *
 * @throws DomainError INVALID_FIELD if the text is another file.
 */
export function readGenaiPrices(text: string, options: RateFileOptions): RateFile {
  const providers = readPythonAssignment(text, "providers");
  if (!isList(providers) || argumentsOf(providers[0], "Provider") === undefined) {
    throw invalidFile(
      "assigns no list of Provider to providers; expected the data.py of genai-prices",
    );
  }
  const all = createReport();
  const cards = providers.flatMap((data, index) => {
    const provider = argumentsOf(data, "Provider");
    const id = provider?.get("id");
    const models = provider?.get("models");
    if (typeof id !== "string" || !isList(models)) {
      all.omit(`providers[${index}]`, "MALFORMED");
      return [];
    }
    if (!isOfProvider(options, id)) return [];
    const names = new Set<string>();
    return models.flatMap((model, number) => {
      const fields = argumentsOf(model, "ModelInfo");
      const read = fields && readModel(id, fields, options, all);
      if (read === undefined) all.omit(`${id}/models[${number}]`, "MALFORMED");
      // In the file the first model that matches a name is the one.
      return (read ?? []).filter(({ model: name }) => !names.has(name) && names.add(name));
    });
  });
  return { cards, omitted: all.omitted, notes: all.notes };
}

/** Returns undefined if the model has no identifier. */
function readModel(
  provider: string,
  fields: PlainObject,
  options: RateFileOptions,
  all: Report,
): readonly PublishedCard[] | undefined {
  const id = fields.get("id");
  if (typeof id !== "string") return undefined;
  const entry = `${provider}/${id}`;
  const report = createReport();
  const revisions = readRevisions({ entry, id, fields }, options, report);
  const currency = convertedCurrencyOf("genai-prices", provider, id);
  if (revisions.length > 0 && currency !== undefined) {
    all.omit(entry, "CONVERTED_CURRENCY", { detail: currency });
    return [];
  }
  const model = { entry, provider, id, match: fields.get("match") };
  const names = revisions.length === 0 ? [] : readNames(model, report);
  all.add(withoutRepeats(report));
  return names.map((name) => ({ entry, provider, model: name, revisions }));
}

/** The same price in several revisions is reported once. */
function withoutRepeats(report: Report): Report {
  const unique = <T>(items: readonly T[]) => [
    ...new Map(items.map((item) => [JSON.stringify(item), item])).values(),
  ];
  return { ...report, omitted: unique(report.omitted), notes: unique(report.notes) };
}
