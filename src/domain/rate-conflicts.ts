import type { Rate } from "./rate-card.js";

/** Two rates, by their places in the card, of which neither is more special, though both may hold. */
export type RateConflict = readonly [first: number, second: number];

type Placed = { readonly index: number; readonly rate: Rate };
/** A window in minutes of the week. */
type Interval = { readonly start: number; readonly end: number; readonly index: number };

/**
 * Finds two rates that could both hold for one request, of which neither is more special. A rate for a region
 * is more special than one for any, and a rate with windows more special than one without. So a rate for a
 * region without windows conflicts with a rate for any region in a window, unless rates for the region cover
 * that window.
 */
export function findRateConflict(rates: readonly Rate[]): RateConflict | undefined {
  const placed = rates.map((rate, index) => ({ index, rate }));
  const groups = groupBy(
    placed,
    ({ rate }) => `${rate.bucket} ${rate.serviceTier} ${rate.inputAbove}`,
  );
  for (const group of groups.values()) {
    const conflict = findInGroup(group);
    if (conflict !== undefined) return conflict;
  }
  return undefined;
}

/** Checks rates that differ in region and windows only. */
function findInGroup(group: readonly Placed[]): RateConflict | undefined {
  const byRegion = groupBy(group, ({ rate }) => rate.region);
  for (const ofRegion of byRegion.values()) {
    const conflict = findSame(ofRegion);
    if (conflict !== undefined) return conflict;
  }
  const windowsOfAny = toIntervals(byRegion.get("") ?? []);
  for (const [region, ofRegion] of byRegion) {
    const always = ofRegion.find(({ rate }) => rate.hours.length === 0);
    if (region === "" || always === undefined) continue;
    const uncovered = findUncovered(windowsOfAny, toIntervals(ofRegion));
    if (uncovered !== undefined) return [always.index, uncovered.index];
  }
  return undefined;
}

/** Finds two rates of one region that are both without windows, or whose windows overlap. */
function findSame(ofRegion: readonly Placed[]): RateConflict | undefined {
  const always = ofRegion.filter(({ rate }) => rate.hours.length === 0);
  const [first, second] = always;
  if (first !== undefined && second !== undefined) return [first.index, second.index];
  const intervals = toIntervals(ofRegion);
  const next = intervals.findIndex(({ start }, i) => start < (intervals[i - 1]?.end ?? 0));
  const [before, overlapping] = [intervals[next - 1], intervals[next]];
  if (before === undefined || overlapping === undefined) return undefined;
  return before.index < overlapping.index
    ? [before.index, overlapping.index]
    : [overlapping.index, before.index];
}

/** Finds a window that others do not cover. Both lists are sorted, and those of `covers` do not overlap. */
function findUncovered(
  windows: readonly Interval[],
  covers: readonly Interval[],
): Interval | undefined {
  return windows.find(({ start, end }) => {
    let covered = start;
    for (const cover of covers) {
      if (cover.start <= covered && cover.end > covered) covered = cover.end;
    }
    return covered < end;
  });
}

function toIntervals(placed: readonly Placed[]): readonly Interval[] {
  return placed
    .flatMap(({ index, rate }) =>
      rate.hours.map(({ weekday, startMinute, endMinute }) => {
        const midnight = (weekday - 1) * minutesPerDay;
        return { index, start: midnight + startMinute, end: midnight + endMinute };
      }),
    )
    .sort((a, b) => a.start - b.start);
}

function groupBy(
  placed: readonly Placed[],
  nameOf: (each: Placed) => string,
): ReadonlyMap<string, readonly Placed[]> {
  const groups = new Map<string, Placed[]>();
  for (const each of placed) {
    const group = groups.get(nameOf(each));
    if (group === undefined) groups.set(nameOf(each), [each]);
    else group.push(each);
  }
  return groups;
}

const minutesPerDay = 1440;
