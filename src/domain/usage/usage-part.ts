import { Decimal } from "../decimal.js";
import { type Bucket, buckets } from "./buckets.js";
import type { Quantity, UsagePart } from "./usage.js";

/** Whole counts of buckets. Those that are left out are 0. */
export type BucketCounts = { readonly [bucket in Bucket]?: bigint | undefined };

/** Creates a part of a usage with the sums of all counts. */
export function toUsagePart(...counts: readonly BucketCounts[]): UsagePart {
  const quantities: Quantity[] = [];
  for (const bucket of buckets) {
    let sum = 0n;
    for (const each of counts) {
      const count = each[bucket];
      if (count !== undefined && count !== 0n) sum += count;
    }
    if (sum !== 0n) quantities.push({ bucket, quantity: toDecimal(sum) });
  }
  return { model: undefined, quantities };
}

/** Adds seconds, which are no whole number, to a part that has none. */
export function addSeconds(part: UsagePart, seconds: Decimal | undefined): UsagePart {
  if (seconds === undefined || seconds.isZero()) return part;
  // SECONDS is the last bucket.
  return { ...part, quantities: [...part.quantities, { bucket: "SECONDS", quantity: seconds }] };
}

/**
 * A whole number up to 2^53 - 1 is exact as a float too, which decimal.js converts three times as
 * fast.
 */
function toDecimal(whole: bigint): Decimal {
  return new Decimal(whole <= maxSafe ? Number(whole) : whole);
}

const maxSafe = BigInt(Number.MAX_SAFE_INTEGER);
