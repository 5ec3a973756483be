/**
 * Returns the nearest-rank quantile: the smallest value that the given part of all values does not
 * exceed. `part` is 0 to 1.
 *
 * @throws Error when there are no values.
 */
export function quantile(values: Iterable<number>, part: number): number {
  const sorted = Float64Array.from(values).sort();
  const found = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
  if (found === undefined) throw new Error("there are no values");
  return found;
}

/** Returns the median, the lower one of two middle values. */
export function median(values: Iterable<number>): number {
  return quantile(values, 0.5);
}

/** Returns the arithmetic mean. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
