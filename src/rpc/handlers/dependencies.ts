import type { HandlerContext } from "@connectrpc/connect";
import type { Knex } from "knex";
import type { PriceBook } from "../../price-book/price-book.js";
import type { ChargeCounter } from "../call/charge-counter.js";

/** What the handlers of the pricing service work with. */
export type PricingDependencies = CalculationDependencies & {
  /** The most calculations that a batch may have. */
  readonly maxBatchCalculations: number;
  /** The most accounts that an allocation may have. */
  readonly maxAllocationAccounts: number;
  /** The most rows that an import may have. */
  readonly maxImportRows: number;
};

/** What calculations read prices with. */
export type CalculationDependencies = {
  /** The book for one call. */
  readonly bookOf: (context: HandlerContext) => PriceBook;
  /** Where the charges of one call are counted. */
  readonly chargeCounterOf: (context: HandlerContext) => ChargeCounter;
  /** For the nearest keys of one that has no price. */
  readonly knex: Knex;
  /** How long a calculation waits for a version of the book that it is asked to use. */
  readonly maxBookStalenessMs: number;
  readonly suggestionLimits: SuggestionLimits;
};

/** How long the nearest keys are searched for: those of one missing price, and all of a batch. */
export type SuggestionLimits = { readonly timeoutMs: number; readonly batchTimeoutMs: number };

/** Long enough for a database that is well, and too short to hold up an error. */
export const defaultSuggestionLimits: SuggestionLimits = { timeoutMs: 500, batchTimeoutMs: 2000 };
