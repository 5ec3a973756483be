import type { Level } from "../../domain/selector.js";

/**
 * The outcome of a calculation or an allocation: charged, free (charged at a markup of 0), unpriced (rejected,
 * because no price matches), or unrated (rejected, because a rate card or a rate is missing).
 */
export const chargeOutcomes = ["charged", "free", "unpriced", "unrated"] as const;
export type ChargeOutcome = (typeof chargeOutcomes)[number];

/** A number of charges of one provider. */
export type ChargeCount = {
  readonly provider: string;
  readonly outcome: ChargeOutcome;
  /** Whether the price names the provider, which is registered then. */
  readonly isProviderPriced: boolean;
  /** How specific the price is. Undefined: there is none. */
  readonly level: Level | undefined;
  /** The model, if the price has a pattern: it may not be registered. */
  readonly patternModel: string | undefined;
  readonly times: number;
};

/** Counts charges, so that operators notice charges that are free, unpriced, unrated, or priced by a pattern. */
export type ChargeCounter = { readonly add: (counts: readonly ChargeCount[]) => void };
