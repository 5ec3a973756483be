import type { MemoryResult } from "./memory.js";
import type { TimeResult } from "./times.js";

/** The limit on the growth of time from the smaller to the larger size, and the limit on memory. */
export type Limits = {
  readonly from: number;
  readonly to: number;
  readonly times: number;
  /** Beyond the idle process, at the larger size. */
  readonly bytesPerAccount: number;
};

/**
 * Returns the mean time of the larger size divided by the mean time of the smaller size. It uses the
 * mean because other load delays every long allocation but only few short ones, and the median of
 * short allocations would ignore those.
 */
export function growthOf(results: {
  readonly limits: Limits;
  readonly times: readonly TimeResult[];
}): number {
  const { from, to } = results.limits;
  return ofSize(results.times, to).meanSeconds / ofSize(results.times, from).meanSeconds;
}

/** Returns the memory of a result per account, in whole bytes. */
export function bytesEach({ accounts, firstBytes, repeatedBytes }: MemoryResult) {
  const each = (bytes: number) => Math.round(bytes / accounts);
  return { firstBytes: each(firstBytes), repeatedBytes: each(repeatedBytes) };
}

/** Returns the result of a size. @throws Error when the size has not been measured. */
export function ofSize<T extends { readonly accounts: number }>(
  results: readonly T[],
  accounts: number,
): T {
  const found = results.find((result) => result.accounts === accounts);
  if (found === undefined) throw new Error(`${accounts} accounts have not been measured`);
  return found;
}
