import type { Rate } from "../../../domain/rate-card.js";
import { rateKey } from "./rate-list.js";

/**
 * Finds the buckets and service tiers with rates of which none is the most special for some
 * request: one is for a region and one for a large input, and none is for both. Also finds several
 * rates under the same conditions. Returns groups of `tierGroupOf`.
 */
export function findAmbiguousRates(rates: readonly Rate[]): ReadonlySet<string> {
  const ambiguous = new Set<string>();
  for (const [group, members] of groupByTier(rates)) {
    const keys = new Set(members.map(rateKey));
    const isAmbiguous =
      keys.size < members.length ||
      members.some((a, i) => members.slice(i + 1).some((b) => areAmbiguous(a, b, keys)));
    if (isAmbiguous) ambiguous.add(group);
  }
  return ambiguous;
}

/** Returns the bucket and the service tier of a rate. */
export function tierGroupOf({ bucket, serviceTier }: Rate): string {
  return `${bucket} ${serviceTier}`;
}

function groupByTier(rates: readonly Rate[]): ReadonlyMap<string, readonly Rate[]> {
  const groups = new Map<string, Rate[]>();
  for (const rate of rates) {
    const group = groups.get(tierGroupOf(rate));
    if (group === undefined) groups.set(tierGroupOf(rate), [rate]);
    else group.push(rate);
  }
  return groups;
}

/**
 * Returns whether both rates hold for some request, and no rate holds under the conditions of both.
 */
function areAmbiguous(a: Rate, b: Rate, keys: ReadonlySet<string>): boolean {
  if (a.region !== "" && b.region !== "" && a.region !== b.region) return false;
  const [hours, isSame] = a.hours.length === 0 ? [b.hours, true] : [a.hours, equals(a, b)];
  if (b.hours.length > 0 && !isSame) return overlap(a, b);
  const inputAbove =
    a.inputAbove === undefined || (b.inputAbove ?? -1) > a.inputAbove ? b.inputAbove : a.inputAbove;
  return !keys.has(rateKey({ ...a, hours, inputAbove, region: a.region || b.region }));
}

function equals(a: Rate, b: Rate): boolean {
  return rateKey({ ...a, hours: b.hours }) === rateKey(a);
}

/**
 * Returns whether some minute is in windows of both. No window is more special than another one.
 */
function overlap(a: Rate, b: Rate): boolean {
  return a.hours.some((x) =>
    b.hours.some(
      (y) => x.weekday === y.weekday && x.startMinute < y.endMinute && y.startMinute < x.endMinute,
    ),
  );
}
