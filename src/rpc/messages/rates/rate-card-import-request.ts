import { invalidField, invalidFields, quote } from "../../../domain/domain-error.js";
import { parseAll } from "../../../domain/field-errors.js";
import { parseModelPrefix, parseProvider } from "../../../domain/price-key.js";
import type { RateCard, RateCardKey } from "../../../domain/rate-card.js";
import type { ImportRow, ImportScope, MissingRows } from "../../../domain/timeline-import.js";
import {
  MissingRateCards,
  type RateCardImportRow,
  type RateCardImportScope,
  type RateCardImportTerms,
} from "../../../gen/llmprices/v1/rate_card_import_pb.js";
import { parseOptionalVersion } from "../book-version.js";
import { type ImportRequest, parseCorrectPast, parseMaxChanges } from "../import/import-request.js";
import { parsePercent } from "../import/import-scope.js";
import { parseEffectiveFrom } from "../timestamps.js";
import { writeParsers } from "../write-fields.js";
import { parseRateCardKey, rateCardParser } from "./rate-card-lookup.js";

/** @throws DomainError INVALID_FIELD with every violation. */
export function parseRateCardImportRequest(terms: RateCardImportTerms): ImportRequest {
  const { validateOnly, registerMissing, ignorePast } = terms;
  const { maxEndPercent, ...parsed } = parseAll({
    ...writeParsers(terms),
    missing: () => parseMissing(terms.missingRateCards),
    baseBookVersion: () => parseOptionalVersion("base_book_version", terms.baseBookVersion),
    scope: () => parseScope(terms.scope),
    maxEndPercent: () => parsePercent("max_end_percent", terms.maxEndPercent, 100),
    maxChanges: () => parseMaxChanges(terms.maxChanges),
  });
  const guards = { maxEndPercent, maxChangePercent: undefined };
  return { validateOnly, registerMissing, ignoresPast: ignorePast, guards, ...parsed };
}

/** @throws DomainError INVALID_FIELD with every violation. */
export function parseRateCardImportRow(
  row: RateCardImportRow,
  { reason, scope, ignoresPast }: ImportRequest,
): ImportRow<RateCardKey, RateCard> {
  return parseAll({
    key: () => requireInScope(parseRateCardKey(row), scope),
    value: () => parseCardOrEnd(row),
    effectiveFrom: () => parseEffectiveFrom(row.effectiveFrom),
    correctsPast: () => {
      if (!row.correctPast || !ignoresPast) return parseCorrectPast(row.correctPast, reason);
      throw invalidField(
        "correct_past",
        "is true, but the terms have ignore_past; allowed: one of them",
      );
    },
  });
}

/** All that providers publish is a fiftieth of it. */
export const rateImportLimit = {
  bytes: 1024 * 1024 * 1024,
  allowed: "about a million rates in one import",
};

/** Returns how much memory a row takes, at most: its texts, three times. */
export function bytesOfRow({ rates }: RateCardImportRow): number {
  let hours = 0;
  for (const rate of rates) hours += rate.hours.length;
  return 6 * 1024 + rates.length * 1024 + hours * 512;
}

function parseCardOrEnd(row: RateCardImportRow): RateCard | null {
  if (!row.ends) return rateCardParser(row).card();
  const given = [
    ...(row.currencyCode === "" ? [] : ["currency_code"]),
    ...(row.source === "" ? [] : ["source"]),
    ...(row.rates.length === 0 ? [] : ["rates"]),
  ];
  if (given.length === 0) return null;
  const description = "is given, although the rate card ends; allowed: one of them";
  throw invalidFields(given.map((field) => ({ field, description })));
}

function parseMissing(value: MissingRateCards): MissingRows {
  const isReplaced = value === MissingRateCards.REPLACE;
  const missing = {
    endValues: isReplaced || value === MissingRateCards.END,
    cancelScheduled: isReplaced || value === MissingRateCards.REPLACE_ROWS,
  };
  if (MissingRateCards[value] !== undefined) return missing;
  throw invalidField(
    "missing_rate_cards",
    `is ${value}; allowed: KEEP, END, REPLACE or REPLACE_ROWS`,
  );
}

function parseScope(scope: RateCardImportScope | undefined): ImportScope | undefined {
  if (scope === undefined) return undefined;
  const { provider, modelPrefix } = scope;
  const parsed = parseAll({
    provider: () => provider && parseProvider("scope.provider", provider),
    modelPrefix: () => modelPrefix && parseModelPrefix("scope.model_prefix", modelPrefix),
  });
  return { chargeType: "", ...parsed, audience: undefined };
}

function requireInScope(key: RateCardKey, scope: ImportScope | undefined): RateCardKey {
  if (scope === undefined) return key;
  const { provider, modelPrefix } = scope;
  const outside = "outside the scope of the import";
  if (provider !== "" && key.provider !== provider) {
    const problem = `is ${quote(key.provider)}, ${outside}: only ${quote(provider)}`;
    throw invalidField("provider", problem);
  }
  if (key.model.startsWith(modelPrefix)) return key;
  throw invalidField(
    "model",
    `is ${quote(key.model)}, ${outside}: only names that begin with ${quote(modelPrefix)}`,
  );
}
