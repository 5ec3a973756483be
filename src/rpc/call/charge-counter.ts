/**
 * The outcome of a calculation or an allocation: charged, free (charged at a markup of 0), or
 * unpriced (rejected, because its key has no price).
 */
export const chargeOutcomes = ["charged", "free", "unpriced"] as const;
export type ChargeOutcome = (typeof chargeOutcomes)[number];

/** A number of charges of one provider, which may be unregistered when they are `unpriced`. */
export type ChargeCount = {
  readonly provider: string;
  readonly outcome: ChargeOutcome;
  readonly times: number;
};

/** Counts charges, so that operators notice charges that are free or unpriced. */
export type ChargeCounter = { readonly add: (counts: readonly ChargeCount[]) => void };
