import type { TimeResult } from "./times.js";

/** A million accounts cost at most 130 times ten thousand: a hundred times the work, and a bit. */
export const growthLimit = { from: 10_000, to: 1_000_000, times: 130 } as const;

/** Of memory beyond the idle process, at the largest size. */
export const maxBytesPerAccount = 400;

/**
 * How often the time of the smaller size goes into that of the larger one, in the mean: what else the
 * machine does falls on every long allocation, and on few short ones, which their median leaves out.
 */
export function growthOf(times: readonly TimeResult[]): number {
  const { from, to } = growthLimit;
  return ofSize(times, to).meanSeconds / ofSize(times, from).meanSeconds;
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
