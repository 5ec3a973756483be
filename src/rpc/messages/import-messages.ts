import type { MessageInitShape } from "@bufbuild/protobuf";
import { toPlainText } from "../../domain/decimal.js";
import type { ImportChange, ImportCounts, ImportOutcome } from "../../domain/price-import.js";
import {
  type LLMPriceImportChangeSchema,
  type LLMPriceImportCountsSchema,
  PriceChangeKind,
} from "../../gen/llmprices/v1/llm_price_import_pb.js";
import { toTimestamp } from "./timestamps.js";

export function toImportMessage(outcome: ImportOutcome) {
  const { counts, changes, bookVersion, effectiveFrom, guardViolations } = outcome;
  return {
    counts: toCountsMessage(counts),
    changes: changes.map(toChangeMessage),
    bookVersion,
    effectiveFrom: toTimestamp(effectiveFrom),
    guardViolations: [...guardViolations],
  };
}

function toCountsMessage(
  counts: ImportCounts,
): MessageInitShape<typeof LLMPriceImportCountsSchema> {
  return {
    rowCount: BigInt(counts.rows),
    createdCount: BigInt(counts.created),
    updatedCount: BigInt(counts.updated),
    unchangedCount: BigInt(counts.unchanged),
    endedCount: BigInt(counts.ended),
    registeredChargeTypeCount: BigInt(counts.chargeTypes),
    registeredProviderCount: BigInt(counts.providers),
    registeredModelCount: BigInt(counts.models),
    duplicateRowCount: BigInt(counts.duplicates),
  };
}

function toChangeMessage(
  change: ImportChange,
): MessageInitShape<typeof LLMPriceImportChangeSchema> {
  const { kind, key, row, priceBefore, price, effectiveFrom } = change;
  return {
    kind: kinds[kind],
    key,
    ...(row !== undefined && { row: BigInt(row) }),
    ...(priceBefore !== null && { priceBefore: toPlainText(priceBefore) }),
    ...(price !== null && { price: toPlainText(price) }),
    effectiveFrom: toTimestamp(effectiveFrom),
  };
}

const kinds = {
  created: PriceChangeKind.CREATED,
  updated: PriceChangeKind.UPDATED,
  ended: PriceChangeKind.ENDED,
} satisfies Record<ImportChange["kind"], PriceChangeKind>;
