import type { MessageInitShape } from "@bufbuild/protobuf";
import { Decimal, toPlainText } from "../../../domain/decimal.js";
import type { Key } from "../../../domain/price-key.js";
import type { Revision } from "../../../domain/timeline.js";
import type {
  ImportChange,
  ImportCounts,
  ImportOutcome,
  NewNames,
} from "../../../domain/timeline-import.js";
import {
  type LLMPriceImportChangeSchema,
  type LLMPriceImportCountsSchema,
  PriceChangeKind,
} from "../../../gen/llmprices/v1/llm_price_import_pb.js";
import { toTimestamp } from "../timestamps.js";

export function toImportMessage(outcome: ImportOutcome<Key, Decimal>) {
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
  change: ImportChange<Key, Decimal>,
): MessageInitShape<typeof LLMPriceImportChangeSchema> {
  const { kind, key, row, valueBefore, value, next } = change;
  const changePercent = toChangePercent(change);
  return {
    kind: kinds[kind],
    key,
    ...(row !== undefined && { row: BigInt(row) }),
    ...(valueBefore !== null && { priceBefore: toPlainText(valueBefore) }),
    ...toStepMessage({ value, effectiveFrom: change.effectiveFrom }),
    ...(changePercent && { changePercent: toPlainText(changePercent) }),
    ...(change.changedByBefore !== undefined && {
      priceBeforeChangedBy: change.changedByBefore,
    }),
    ...(next && { next: toStepMessage(next) }),
    cancelledRevisionCount: BigInt(change.cancelledRevisions),
  };
}

/** Undefined: there was no price, or 0, or it ends. */
function toChangePercent({ valueBefore, value }: ImportChange<Key, Decimal>): Decimal | undefined {
  if (valueBefore === null || value === null || valueBefore.isZero()) return undefined;
  const percent = value.minus(valueBefore).times(100).div(valueBefore);
  return percent.toDecimalPlaces(2, Decimal.ROUND_HALF_UP);
}

function toStepMessage({ value, effectiveFrom }: Revision<Decimal>) {
  return {
    ...(value !== null && { price: toPlainText(value) }),
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
} satisfies Record<ImportChange<unknown, unknown>["kind"], PriceChangeKind>;
