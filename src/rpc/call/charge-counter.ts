/**
 * What has become of a calculation or an allocation: charged, free (charged at a markup of 0), or
 * unpriced (refused, because its key has no price).
 */
export const chargeOutcomes = ["charged", "free", "unpriced"] as const;
export type ChargeOutcome = (typeof chargeOutcomes)[number];

/** So many charges of a provider. The name of one that is unpriced may be any. */
export type ChargeCount = {
  readonly provider: string;
  readonly outcome: ChargeOutcome;
  readonly times: number;
};

/** Counts charges, so that operators see whether anything is priced at nothing. */
export type ChargeCounter = { readonly add: (counts: readonly ChargeCount[]) => void };
