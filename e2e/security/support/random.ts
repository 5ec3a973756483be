import { uniformBigInt } from "pure-rand/distribution/uniformBigInt";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** A repeatable random generator: the same seed gives the same choices in the same order. */
export type Random = {
  /** A whole number from `min` to `max`, both included. */
  readonly integer: (min: number, max: number) => number;
  readonly bigint: (min: bigint, max: bigint) => bigint;
  /** True in one of `n` cases. */
  readonly oneIn: (n: number) => boolean;
  /** @throws Error when there is nothing to pick from. */
  readonly pick: <T>(choices: readonly T[]) => T;
  /** Returns `count` of the items, or all where there are fewer, in their order. */
  readonly sample: <T>(items: readonly T[], count: number) => readonly T[];
  readonly bytes: (length: number) => Buffer;
  readonly uuid: () => string;
};

export function createRandom(seed: number): Random {
  const generator = xoroshiro128plus(seed);
  const integer = (min: number, max: number) => uniformInt(generator, min, max);
  const bytes = (length: number) => {
    const made = Buffer.alloc(length);
    for (let i = 0; i < length; i += 1) made[i] = generator.next() & 0xff;
    return made;
  };
  return {
    integer,
    bytes,
    bigint: (min, max) => uniformBigInt(generator, min, max),
    oneIn: (n) => integer(1, n) === 1,
    pick: (choices) => {
      if (choices.length === 0) throw new Error("there is nothing to pick from");
      return choices[integer(0, choices.length - 1)] as (typeof choices)[number];
    },
    sample: (items, count) => {
      let left = count;
      return items.filter((_, index) => {
        const isTaken = integer(1, items.length - index) <= left;
        if (isTaken) left -= 1;
        return isTaken;
      });
    },
    uuid: () => {
      const hex = bytes(16).toString("hex");
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
    },
  };
}
