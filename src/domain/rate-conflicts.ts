import type { Rate } from "./rate-card.js";

/** Two rates, by their places in the card, of which neither is more special, though both may hold. */
export type RateConflict = readonly [first: number, second: number];

type Placed = { readonly index: number; readonly rate: Rate };

/**
 * Finds two rates that could both hold for one request, where no rate is more special than both. A rate for a
 * region is more special than one for any, a higher `inputAbove` more than a lower one, and a rate with hours
 * more than one without.
 *
 * Tries each region, input and minute of the week at which something changes. So the card must have few of
 * them: see the bounds of the request.
 */
export function findRateConflict(rates: readonly Rate[]): RateConflict | undefined {
  const groups = new Map<string, Placed[]>();
  for (const [index, rate] of rates.entries()) {
    const name = `${rate.bucket} ${rate.serviceTier}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [{ index, rate }]);
    else group.push({ index, rate });
  }
  for (const group of groups.values()) {
    const conflict = findInGroup(group);
    if (conflict !== undefined) return conflict;
  }
  return undefined;
}

/** Checks the rates of one bucket and service tier. */
function findInGroup(group: readonly Placed[]): RateConflict | undefined {
  const inputs = new Set(group.map(({ rate }) => inputOf(rate)));
  for (const region of new Set(group.map(({ rate }) => rate.region))) {
    const ofRegion = group.filter(({ rate }) => rate.region === "" || rate.region === region);
    const minutes = new Set([0, ...ofRegion.flatMap(({ rate }) => rate.hours.flatMap(toMinutes))]);
    for (const input of inputs) {
      const ofInput = ofRegion.filter(({ rate }) => inputOf(rate) <= input);
      if (ofInput.length < 2) continue;
      for (const minute of minutes) {
        const conflict = findAmong(ofInput.filter(({ rate }) => holdsAt(rate, minute)));
        if (conflict !== undefined) return conflict;
      }
    }
  }
  return undefined;
}

/** Finds two rates of which neither is more special, unless another rate is more special than all. */
function findAmong(holding: readonly Placed[]): RateConflict | undefined {
  if (holding.length < 2) return undefined;
  const isBest = (best: Placed) =>
    holding.every((other) => other === best || isMoreSpecial(best.rate, other.rate));
  if (holding.some(isBest)) return undefined;
  for (const first of holding) {
    const second = holding.find(
      (other) =>
        other.index > first.index &&
        !isMoreSpecial(first.rate, other.rate) &&
        !isMoreSpecial(other.rate, first.rate),
    );
    if (second !== undefined) return [first.index, second.index];
  }
  throw new Error("of rates that are ordered one is the most special");
}

/** Returns whether a rate is more special in one condition, and less in none. */
function isMoreSpecial(rate: Rate, other: Rate): boolean {
  const region = Number(rate.region !== "") - Number(other.region !== "");
  const input = inputOf(rate) - inputOf(other);
  const hours = Number(rate.hours.length > 0) - Number(other.hours.length > 0);
  const isLess = region < 0 || input < 0 || hours < 0;
  return !isLess && (region > 0 || input > 0 || hours > 0);
}

function inputOf({ inputAbove = -1 }: Rate): number {
  return inputAbove;
}

/** `minute` counts from Monday 00:00. */
function holdsAt({ hours }: Rate, minute: number): boolean {
  if (hours.length === 0) return true;
  return hours.some((window) => {
    const [start, end] = toMinutes(window);
    return start <= minute && minute < end;
  });
}

function toMinutes({ weekday, startMinute, endMinute }: Rate["hours"][number]) {
  const midnight = (weekday - 1) * minutesPerDay;
  return [midnight + startMinute, midnight + endMinute] as const;
}

const minutesPerDay = 1440;
