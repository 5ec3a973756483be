import type { Instant } from "../../../domain/instant.js";
import type { WeeklyHours } from "../../../domain/rate-card.js";
import { type DailyWindow, toWeeklyHours } from "../cards/weekly-hours.js";
import { argumentsOf, asCall, isList, type PlainData, wholeNumberOf } from "../data/plain-data.js";
import type { PriceList } from "./genai-rates.js";

/** When prices hold: always, from a date on, or in a window of every day. */
export type Constraint =
  | { readonly kind: "always" }
  | { readonly kind: "from"; readonly start: Instant }
  | { readonly kind: "daily"; readonly window: DailyWindow };

/** A list of prices, and when it holds. */
export type ConditionalPrices = { readonly prices: PriceList; readonly constraint: Constraint };

/** The prices at an instant: at most times of the day, and in windows. */
export type PricesAt = {
  readonly base: PriceList;
  readonly windows: readonly {
    readonly hours: readonly WeeklyHours[];
    readonly prices: PriceList;
  }[];
};

/**
 * Reads `prices`: one list, or a list of lists with constraints. Undefined: it has another form.
 */
export function readConditionalPrices(
  data: PlainData | undefined,
): readonly ConditionalPrices[] | undefined {
  const single = argumentsOf(data, "ModelPrice");
  if (single !== undefined) return [{ prices: single, constraint: { kind: "always" } }];
  const list = (isList(data) ? data : []).map((each) => {
    const fields = argumentsOf(each, "ConditionalPrice");
    const prices = argumentsOf(fields?.get("prices"), "ModelPrice");
    const constraint = readConstraint(fields?.get("constraint"));
    return prices && constraint && { prices, constraint };
  });
  const read = list.filter((each) => each !== undefined);
  return read.length === 0 || read.length < list.length ? undefined : read;
}

/** Reads a constraint. Undefined: it has another form. */
export function readConstraint(data: PlainData | undefined): Constraint | undefined {
  if (data === undefined || data === null) return { kind: "always" };
  const date = argumentsOf(data, "StartDateConstraint")?.get("start_date");
  const daily = argumentsOf(data, "TimeOfDateConstraint");
  if (daily === undefined) {
    const start = readDate(date);
    return start === undefined ? undefined : { kind: "from", start };
  }
  const [start, end] = ["start_time", "end_time"].map((name) => readMinute(daily.get(name)));
  if (start === undefined || end === undefined) return undefined;
  return { kind: "daily", window: { start, end } };
}

/**
 * Finds the prices at an instant. Of the lists that hold the last one applies, and the first one
 * if none holds. A daily window has no date: it belongs to the newest date of the list only.
 */
export function findPricesAt(
  list: readonly ConditionalPrices[],
  at: Instant,
): PricesAt | undefined {
  const indexAt = (instant: Instant) =>
    Math.max(
      0,
      list.findLastIndex(
        ({ constraint }) =>
          constraint.kind === "always" ||
          (constraint.kind === "from" && constraint.start <= instant),
      ),
    );
  const index = indexAt(at);
  const base = list[index]?.prices;
  if (base === undefined) return undefined;
  const isNewest = index === indexAt(Number.POSITIVE_INFINITY);
  return { base, windows: isNewest ? windowsOf(list.slice(index + 1)) : [] };
}

/** Returns the dates on which lists begin to hold. */
export function startsOf(list: readonly { readonly constraint: Constraint }[]): readonly Instant[] {
  return list.flatMap(({ constraint }) => (constraint.kind === "from" ? [constraint.start] : []));
}

/** Windows with the same prices are one. */
function windowsOf(list: readonly ConditionalPrices[]): PricesAt["windows"] {
  const groups = new Map<string, { prices: PriceList; windows: DailyWindow[] }>();
  for (const { prices, constraint } of list) {
    // A window that ends when it starts never holds.
    if (constraint.kind !== "daily" || constraint.window.start === constraint.window.end) continue;
    const key = textOf(prices);
    const group = groups.get(key) ?? { prices, windows: [] };
    groups.set(key, { prices, windows: [...group.windows, constraint.window] });
  }
  return [...groups.values()].map(({ prices, windows }) => ({
    ...{ prices, hours: toWeeklyHours(windows) },
  }));
}

/** Returns a text that is equal for equal data. */
function textOf(data: PlainData): string {
  return JSON.stringify(data, (_key, value) => (value instanceof Map ? [...value] : value));
}

function readDate(data: PlainData | undefined): Instant | undefined {
  const numbers = numbersOf(data, "datetime.date");
  const [year = 0, month = 0, day = 0] = numbers ?? [];
  const instant = Date.UTC(year, month - 1, day);
  const isDate = numbers?.length === 3 && new Date(instant).getUTCDate() === day && year >= 1000;
  return isDate && month >= 1 && month <= 12 ? instant : undefined;
}

/** Reads `datetime.time(1, 30, tzinfo=datetime.UTC)`. A time without a zone is in UTC too. */
function readMinute(data: PlainData | undefined): number | undefined {
  const [hours = -1, minutes = 0, ...others] = numbersOf(data, "datetime.time") ?? [];
  const zone = asCall(asCall(data)?.named.get("tzinfo"))?.callee;
  const isTime = hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60 && others.length === 0;
  return isTime && (zone === undefined || /UTC$|utc$/.test(zone))
    ? hours * 60 + minutes
    : undefined;
}

function numbersOf(data: PlainData | undefined, callee: string): readonly number[] | undefined {
  const call = asCall(data);
  if (call?.callee !== callee) return undefined;
  const numbers = call.positional.map(wholeNumberOf).filter((each) => each !== undefined);
  return numbers.length === call.positional.length ? numbers : undefined;
}
