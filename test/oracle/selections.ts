import fc from "fast-check";

export type Selection = { readonly items: readonly number[]; readonly count: number };

type Arrange = (items: readonly number[]) => readonly number[];

const sorted: Arrange = (items) => items.toSorted((a, b) => a - b);
const reversed: Arrange = (items) => sorted(items).toReversed();

/** Orders that clients often send. A pivot chosen by its position can be the worst for them. */
export const arrangements: Readonly<Record<string, Arrange>> = {
  "without order": (items) => items,
  "in order": sorted,
  "in reverse": reversed,
  "in order but for the first, which comes last": (items) => rotated(sorted(items)),
  "in reverse but for the last, which comes last": (items) => rotated(reversed(items)),
  "up and down again": (items) => [...sorted(items), ...reversed(items)],
  "down and up again": (items) => [...reversed(items), ...sorted(items)],
};

/** Generates items, in half of the cases many equal ones, and how many of them to select. */
export const anySelection: fc.Arbitrary<Selection> = fc
  .constantFrom(3, 2 ** 32 - 1)
  .chain((max) => fc.array(fc.nat({ max }), { maxLength: 200 }))
  .chain((items) => fc.constantFrom(...Object.values(arrangements)).map((one) => one(items)))
  .chain((items) => fc.nat({ max: items.length }).map((count) => ({ items, count })));

/** Returns all permutations of the items. */
export function ordersOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length === 0) return [[]];
  return items.flatMap((first, index) =>
    ordersOf(items.toSpliced(index, 1)).map((rest) => [first, ...rest]),
  );
}

/** Moves the first item to the end. */
function rotated(items: readonly number[]): readonly number[] {
  return [...items.slice(1), ...items.slice(0, 1)];
}
