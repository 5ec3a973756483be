import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RateCard, RateCardKey } from "../../../domain/rate-card.js";
import type { ImportChange, ImportCounts, ImportOutcome } from "../../../domain/timeline-import.js";
import {
  RateCardImportChangeKind,
  type RateCardImportChangeSchema,
  type RateCardImportCountsSchema,
} from "../../../gen/llmprices/v1/rate_card_import_pb.js";
import { cutPage } from "../pagination.js";
import { toTimestamp } from "../timestamps.js";
import { textOf, toCardFields } from "./rate-card-messages.js";

type Change = ImportChange<RateCardKey, RateCard>;

export function toRateCardImportMessage(
  outcome: ImportOutcome<RateCardKey, RateCard>,
  ignoredRows: number,
) {
  const { counts, changes, bookVersion, effectiveFrom, guardViolations, newNames } = outcome;
  const { page } = cutPage(changes, changes.length, textOfChange);
  return {
    counts: toCountsMessage(counts, ignoredRows),
    changes: page.map(toChangeMessage),
    bookVersion,
    effectiveFrom: toTimestamp(effectiveFrom),
    guardViolations: [...guardViolations],
    warnings: outcome.warnings.map(({ row, ...rest }) => ({ row: BigInt(row), ...rest })),
    warningCount: BigInt(outcome.warningCount),
    registeredNames: {
      providers: [...newNames.providers],
      models: newNames.models.map(({ provider, name }) => ({ provider, model: name })),
    },
  };
}

function toCountsMessage(
  counts: ImportCounts,
  ignoredRows: number,
): MessageInitShape<typeof RateCardImportCountsSchema> {
  return {
    rowCount: BigInt(counts.rows + ignoredRows),
    createdCount: BigInt(counts.created),
    updatedCount: BigInt(counts.updated),
    unchangedCount: BigInt(counts.unchanged),
    endedCount: BigInt(counts.ended),
    registeredProviderCount: BigInt(counts.providers),
    registeredModelCount: BigInt(counts.models),
    duplicateRowCount: BigInt(counts.duplicates),
    endedWithoutRowCount: BigInt(counts.endedWithoutRow),
    cancelledRevisionCount: BigInt(counts.cancelledRevisions),
    ignoredRowCount: BigInt(ignoredRows),
  };
}

function toChangeMessage(change: Change): MessageInitShape<typeof RateCardImportChangeSchema> {
  const { kind, key, row, valueBefore, value, changedByBefore, next } = change;
  return {
    ...{ kind: kinds[kind], key },
    ...(row !== undefined && { row: BigInt(row) }),
    ...(valueBefore !== null && { before: toCardFields(valueBefore) }),
    ...(value !== null && { after: toCardFields(value) }),
    effectiveFrom: toTimestamp(change.effectiveFrom),
    ...(changedByBefore !== undefined && { beforeChangedBy: changedByBefore }),
    ...(next && { nextEffectiveFrom: toTimestamp(next.effectiveFrom) }),
    cancelledRevisionCount: BigInt(change.cancelledRevisions),
  };
}

/** Returns text about as long as a change is in a message. */
function textOfChange({ valueBefore, value }: Change): string {
  return [valueBefore, value].map((card) => (card === null ? "" : textOf(card))).join();
}

const kinds = {
  created: RateCardImportChangeKind.CREATED,
  updated: RateCardImportChangeKind.UPDATED,
  ended: RateCardImportChangeKind.ENDED,
} satisfies Record<Change["kind"], RateCardImportChangeKind>;
