import fc from "fast-check";

/**
 * Checks a property with `count` generated values. SAMPLES=10 checks ten times as many.
 *
 * @throws when it does not hold, with the shortest value found.
 */
export function holds<T>(
  count: number,
  arbitrary: fc.Arbitrary<T>,
  check: (value: T) => void,
): void {
  fc.assert(fc.property(arbitrary, check), { numRuns: samples(count) });
}

export function samples(count: number): number {
  return count * Number(process.env.SAMPLES ?? 1);
}
