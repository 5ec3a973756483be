import type { MemoryResult } from "./memory.js";
import type { TimeResult } from "./times.js";

/** How much longer the larger size may take than the smaller one, and what memory it may use. */
export type Limits = {
  readonly from: number;
  readonly to: number;
  readonly times: number;
  /** Beyond the idle process, at the larger size. */
  readonly bytesPerAccount: number;
};

/**
 * Returns the mean time of the larger size divided by that of the smaller one. The mean, because
 * other work of the machine delays every long allocation and only few short ones, which the median
 * of the short ones ignores.
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

/** @throws Error when the size has not been measured. */
export function ofSize<T extends { readonly accounts: number }>(
  results: readonly T[],
  accounts: number,
): T {
  const found = results.find((result) => result.accounts === accounts);
  if (found === undefined) throw new Error(`${accounts} accounts have not been measured`);
  return found;
}
