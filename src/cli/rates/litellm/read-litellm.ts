import { createReport } from "../cards/report.js";
import { invalidFile } from "../data/file-text.js";
import { readJsonObject } from "../data/json-data.js";
import { isObject, type PlainData } from "../data/plain-data.js";
import { isOfProvider, type RateFile, type RateFileOptions } from "../rate-file.js";
import { toLiteLlmCards } from "./litellm-cards.js";
import { readLiteLlmEntry } from "./litellm-entry.js";
import { readEntryName } from "./litellm-names.js";

/**
 * Reads LiteLLM's `model_prices_and_context_window.json`: an object of flat entries, with prices in
 * US dollars for one token, second, page or query, without dates.
 *
 * @throws DomainError INVALID_FIELD if the text is another file.
 */
export function readLiteLlm(text: string, options: RateFileOptions): RateFile {
  const file = readJsonObject(text);
  const isLiteLlm = [...file.values()].some(
    (each) => isObject(each) && each.has("litellm_provider"),
  );
  if (!isLiteLlm) {
    throw invalidFile(
      "has no entry with litellm_provider; expected LiteLLM's model_prices_and_context_window.json",
    );
  }
  const report = createReport();
  const entries = [...file].flatMap(([key, data]) => {
    if (!isOfProvider(options, providerOf(key, data))) return [];
    const entry = readLiteLlmEntry(key, data, options, report);
    return entry === undefined ? [] : [entry];
  });
  const cards = toLiteLlmCards(entries, report);
  return { cards, omitted: report.omitted, notes: report.notes };
}

function providerOf(key: string, data: PlainData): string {
  const name = isObject(data) ? data.get("litellm_provider") : undefined;
  return typeof name === "string" ? readEntryName(key, name).provider : "";
}
