import type { HandlerContext } from "@connectrpc/connect";
import { DomainError, invalidField } from "../../../domain/domain-error.js";
import type { Instant } from "../../../domain/instant.js";
import type { LLMPriceImportRow } from "../../../gen/llmprices/v1/llm_price_import_pb.js";
import {
  createDraftPrices,
  type DraftPrices,
  emptyDraft,
} from "../../../price-book/draft-prices.js";
import { inSnapshotTransaction } from "../../../store/connection/transaction.js";
import { readPlannedTimelines } from "../../../store/import/prices/planned-prices.js";
import { planDraft, type RowErrorsFound } from "../../../store/import/run-import.js";
import { callerOf } from "../../call/caller-context.js";
import { requireReached } from "../../messages/book-version.js";
import { type RowMessage, receiveRows } from "../../messages/import/import-row-stream.js";
import type { RepriceTerms } from "../../messages/reprice/reprice-request.js";
import type { RepriceStream } from "../../messages/reprice/reprice-stream.js";
import type { PricingDependencies } from "../dependencies.js";
import { readPrices } from "../find-price.js";
import { priceImportReader } from "../import-prices.js";

/** A draft, and the version of the price book and the time that it was made for. */
export type PlannedDraft = {
  readonly prices: DraftPrices;
  readonly bookVersion: bigint;
  /** The time of lines without their own. */
  readonly at: Instant;
  readonly rowCount: number;
};

/**
 * Plans the draft of a stream as an import of its rows, and writes nothing.
 *
 * @throws DomainError as an import does.
 */
export async function planStreamedDraft(
  dependencies: PricingDependencies,
  context: HandlerContext,
  terms: RepriceTerms,
  messages: RepriceStream["rows"],
): Promise<PlannedDraft> {
  const { draft, minBookVersion } = terms;
  const rows = await collectRows(dependencies, context, messages);
  // Without rows, these terms end prices: an import without rows is an error.
  const isEmpty = rows.length === 0 && !draft.missing.endValues;
  const planned = isEmpty
    ? await readWithoutDraft(dependencies, context, minBookVersion)
    : await plan(dependencies, context, terms, rows);
  requireReached(planned.bookVersion, "min_book_version", minBookVersion);
  return planned;
}

/** Rows of the draft in one message. */
type DraftRows = RowMessage<never, LLMPriceImportRow>;

/** Receives all rows before the plan begins: no database connection waits for the client. */
async function collectRows(
  { maxImportRows, memoryOf }: PricingDependencies,
  context: HandlerContext,
  messages: RepriceStream["rows"],
): Promise<readonly DraftRows[]> {
  const { reserve } = memoryOf(context);
  const collected: DraftRows[] = [];
  let count = 0;
  for await (const message of messages) {
    count += message.rows.length;
    if (count > maxImportRows) {
      const allowed = `at most ${maxImportRows} (MAX_IMPORT_ROWS)`;
      throw invalidField("draft.rows", `has more rows than allowed: ${allowed}`);
    }
    reserve(message.rows.length * bytesPerRow);
    collected.push(message);
  }
  return collected;
}

/** Of a row of the draft, with its texts. */
const bytesPerRow = 1024;

async function readWithoutDraft(
  dependencies: PricingDependencies,
  context: HandlerContext,
  wantedVersion: bigint,
): Promise<PlannedDraft> {
  const query = { requests: [], asOf: undefined, wantedVersion };
  const { at, newestVersion } = await readPrices(dependencies, context, query);
  return { prices: emptyDraft, bookVersion: newestVersion, at, rowCount: 0 };
}

function plan(
  { knex, maxImportRows, memoryOf }: PricingDependencies,
  context: HandlerContext,
  { draft: options }: RepriceTerms,
  rows: readonly DraftRows[],
): Promise<PlannedDraft> {
  const { reserve } = memoryOf(context);
  const { table, toKeyText } = priceImportReader;
  const { limitKey } = callerOf(context);
  const call = { limitKey, signal: context.signal, timeoutMs: () => context.timeoutMs() };
  return inSnapshotTransaction(knex, call, async (transaction) => {
    try {
      const { count, rowErrors } = await receiveRows(
        ...([transaction, priceImportReader, each(rows), options, maxImportRows, reserve] as const),
      );
      const throwRowErrors = (found: RowErrorsFound) => {
        rowErrors.addAll(found.errors, found.invalidRows, found.rowsWithMissingNames);
        rowErrors.throwIfAny(count);
      };
      const task = { table, toKeyText, options, throwRowErrors };
      const { bookVersion, now } = await planDraft(transaction, task);
      const timelines = readPlannedTimelines(transaction, now);
      const prices = await createDraftPrices(timelines, reserve);
      return { prices, bookVersion, at: now, rowCount: count };
    } catch (error) {
      throw inDraft(error);
    }
  });
}

/** Names the fields of an import's error as fields of the draft. */
function inDraft(error: unknown): unknown {
  if (!(error instanceof DomainError)) return error;
  const violations = error.violations.map(({ field, description }) => ({
    field: field.startsWith("rows") ? `draft.${field}` : `draft.terms.${field}`,
    description,
  }));
  const { reason, message, metadata, suggestions, cause } = error;
  return new DomainError(reason, message, { metadata, violations, suggestions, cause });
}

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}
