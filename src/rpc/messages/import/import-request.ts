import { type Decimal, decimalBounds, parseDecimal } from "../../../domain/decimal.js";
import { invalidField } from "../../../domain/domain-error.js";
import { parseAll } from "../../../domain/field-errors.js";
import type { Key } from "../../../domain/price-key.js";
import type { ImportOptions, ImportRow, MissingRows } from "../../../domain/timeline-import.js";
import {
  type LLMPriceImportRow,
  type LLMPriceImportTerms,
  MissingPrices,
} from "../../../gen/llmprices/v1/llm_price_import_pb.js";
import { parseOptionalVersion } from "../book-version.js";
import { parseKey } from "../price-lookup.js";
import { parseEffectiveFrom } from "../timestamps.js";
import { writeParsers } from "../write-fields.js";
import { parseGuards, parseScope, requireInScope } from "./import-scope.js";

/** The terms of an import, parsed and validated. */
export type ImportRequest = ImportOptions & { readonly requestId: string; readonly reason: string };

/** @throws DomainError INVALID_FIELD with every violation. */
export function parseImportRequest(terms: LLMPriceImportTerms): ImportRequest {
  const { validateOnly, registerMissing } = terms;
  const parsed = parseAll({
    ...writeParsers(terms),
    missing: () => parseMissingPrices(terms.missingPrices),
    baseBookVersion: () => parseOptionalVersion("base_book_version", terms.baseBookVersion),
    scope: () => parseScope(terms.scope),
    guards: () => parseGuards(terms),
    maxChanges: () => parseMaxChanges(terms.maxChanges),
  });
  return { validateOnly, registerMissing, ignoresPast: false, ...parsed };
}

/** @throws DomainError INVALID_FIELD with every violation. */
export function parseImportRow(
  row: LLMPriceImportRow,
  { reason, scope }: ImportRequest,
): ImportRow<Key, Decimal> {
  return parseAll({
    key: () => requireInScope(parseKey(row), scope),
    value: () => parsePriceOrEnd(row),
    effectiveFrom: () => parseEffectiveFrom(row.effectiveFrom),
    correctsPast: () => parseCorrectPast(row.correctPast, reason),
  });
}

/** @throws DomainError INVALID_FIELD when a row corrects the past, and the terms have no reason. */
export function parseCorrectPast(correctPast: boolean, reason: string): boolean {
  if (!correctPast || reason !== "") return correctPast;
  throw invalidField(
    "correct_past",
    "is true, but the terms have no reason; a correction needs one",
  );
}

function parsePriceOrEnd({ price, ends }: LLMPriceImportRow): Decimal | null {
  if (!ends) return parseDecimal("price", price, decimalBounds.price);
  if (price === "") return null;
  throw invalidField("price", "is given, although the price ends; allowed: one of them");
}

function parseMissingPrices(value: MissingPrices): MissingRows {
  const isReplaced = value === MissingPrices.REPLACE;
  const missing = {
    endValues: isReplaced || value === MissingPrices.END,
    cancelScheduled: isReplaced,
  };
  if (MissingPrices[value] !== undefined) return missing;
  throw invalidField("missing_prices", `is ${value}; allowed: KEEP, END or REPLACE`);
}

/** @throws DomainError INVALID_FIELD */
export function parseMaxChanges(value: number): number {
  if (value >= 0) return Math.min(value, maxChanges);
  throw invalidField("max_changes", `is ${value}; allowed: 0 or more`);
}

// With the longest keys, a response with so many changes stays below 4 MiB, the limit of clients.
const maxChanges = 1000;
