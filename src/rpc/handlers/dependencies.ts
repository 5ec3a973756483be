import type { HandlerContext } from "@connectrpc/connect";
import type { Knex } from "knex";
import type { PriceBook, WaitForChange } from "../../price-book/price-book.js";
import type { CallMemory } from "../call/call-memory.js";
import type { ChargeCounter } from "../call/charge-counter.js";

/** What the handlers of PricingService depend on. */
export type PricingDependencies = CalculationDependencies & {
  /** Returns the memory of a call. */
  readonly memoryOf: (context: HandlerContext) => CallMemory;
  readonly waitForChange: WaitForChange;
  /** The most calculations that a batch may have. */
  readonly maxBatchCalculations: number;
  /** The most accounts that an allocation may have. */
  readonly maxAllocationAccounts: number;
  /** The most rows that an import may have. */
  readonly maxImportRows: number;
};

/** What calculations depend on. */
export type CalculationDependencies = {
  /** Returns the price book to use for a call. */
  readonly bookOf: (context: HandlerContext) => PriceBook;
  /** Returns where to count the charges of a call. */
  readonly chargeCounterOf: (context: HandlerContext) => ChargeCounter;
  /** Finds the nearest keys of a key without a price. */
  readonly knex: Knex;
  readonly suggestionLimits: SuggestionLimits;
};

/** How long to search for the nearest keys: of one missing price, and of all of a batch. */
export type SuggestionLimits = { readonly timeoutMs: number; readonly batchTimeoutMs: number };

/** Long enough for a healthy database, and too short to delay an error noticeably. */
export const defaultSuggestionLimits: SuggestionLimits = { timeoutMs: 500, batchTimeoutMs: 2000 };
