import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Decimal, toPlainText } from "../../../domain/decimal.js";
import type { Instant } from "../../../domain/instant.js";
import type {
  ImportChange,
  ImportCounts,
  ImportOutcome,
  NewNames,
} from "../../../domain/price-import.js";
import {
  type LLMPriceImportChangeSchema,
  type LLMPriceImportCountsSchema,
  PriceChangeKind,
} from "../../../gen/llmprices/v1/llm_price_import_pb.js";
import { toTimestamp } from "../timestamps.js";

export function toImportMessage(outcome: ImportOutcome) {
  const { counts, changes, bookVersion, effectiveFrom, guardViolations } = outcome;
  return {
    counts: toCountsMessage(counts),
    changes: changes.map(toChangeMessage),
    bookVersion,
    effectiveFrom: toTimestamp(effectiveFrom),
    guardViolations: [...guardViolations],
    warnings: outcome.warnings.map(({ row, ...rest }) => ({ row: BigInt(row), ...rest })),
    warningCount: BigInt(outcome.warningCount),
    registeredNames: toNamesMessage(outcome.newNames),
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
    endedWithoutRowCount: BigInt(counts.endedWithoutRow),
    cancelledRevisionCount: BigInt(counts.cancelledRevisions),
  };
}

function toChangeMessage(
  change: ImportChange,
): MessageInitShape<typeof LLMPriceImportChangeSchema> {
  const { kind, key, row, priceBefore, price, effectiveFrom, changePercent, next } = change;
  return {
    kind: kinds[kind],
    key,
    ...(row !== undefined && { row: BigInt(row) }),
    ...(priceBefore !== null && { priceBefore: toPlainText(priceBefore) }),
    ...toStepMessage({ price, effectiveFrom }),
    ...(changePercent && { changePercent: toPlainText(changePercent) }),
    ...(change.priceBeforeChangedBy !== undefined && {
      priceBeforeChangedBy: change.priceBeforeChangedBy,
    }),
    ...(next && { next: toStepMessage(next) }),
    cancelledRevisionCount: BigInt(change.cancelledRevisions),
  };
}

function toStepMessage({
  price,
  effectiveFrom,
}: {
  readonly price: Decimal | null;
  readonly effectiveFrom: Instant;
}) {
  return {
    ...(price !== null && { price: toPlainText(price) }),
    effectiveFrom: toTimestamp(effectiveFrom),
  };
}

function toNamesMessage({ chargeTypes, providers, models }: NewNames) {
  return {
    chargeTypes: [...chargeTypes],
    providers: [...providers],
    models: models.map((model) => ({ ...model })),
  };
}

const kinds = {
  created: PriceChangeKind.CREATED,
  updated: PriceChangeKind.UPDATED,
  ended: PriceChangeKind.ENDED,
} satisfies Record<ImportChange["kind"], PriceChangeKind>;
