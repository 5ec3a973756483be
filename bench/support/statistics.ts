/**
 * The value below or at which the given part of all values lie (nearest rank).
 *
 * @throws Error when there are no values.
 */
export function quantile(values: Iterable<number>, part: number): number {
  const sorted = Float64Array.from(values).sort();
  const found = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
  if (found === undefined) throw new Error("there are no values");
  return found;
}

/** The middle value: the lower one of two. */
export function median(values: Iterable<number>): number {
  return quantile(values, 0.5);
}

/** The sum of the values by their count. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
