import type { WeeklyHours } from "../../../domain/rate-card.js";
import { type DailyWindow, parseMinute, toWeeklyHours } from "../cards/weekly-hours.js";
import {
  isList,
  isObject,
  numberTextOf,
  type PlainData,
  type PlainObject,
} from "../data/plain-data.js";

/**
 * Returns the windows of LiteLLM's `off_peak_pricing`: `hours_utc` of every day, and `windows` of
 * some weekdays (1 is Monday). `10:00-00:00` ends at midnight, `00:00-00:00` is the whole day.
 * Returns undefined for windows of another form.
 */
export function readOffPeakHours(offPeak: PlainObject): readonly WeeklyHours[] | undefined {
  const weekdayOffset = offsets[String(offPeak.get("weekday_timezone") ?? "UTC")];
  const rules = offPeak.get("windows") ?? [];
  const daily = readHours(offPeak.get("hours_utc") ?? []);
  if (weekdayOffset === undefined || daily === undefined || !isList(rules)) return undefined;
  const windows: DailyWindow[] = [...daily];
  for (const rule of rules) {
    const hours = isObject(rule) ? readHours(rule.get("hours_utc")) : undefined;
    const weekdays = isObject(rule) ? readWeekdays(rule.get("weekdays")) : undefined;
    if (hours === undefined || weekdays === undefined) return undefined;
    windows.push(...hours.map((each) => ({ ...each, weekdays, weekdayOffset })));
  }
  const hours = toWeeklyHours(windows);
  return hours.length === 0 ? undefined : hours;
}

/**
 * The clocks that decide weekdays, in minutes ahead of UTC. Clocks that change twice a year are not
 * here.
 */
const offsets: Readonly<Record<string, number>> = { UTC: 0, "Asia/Shanghai": 8 * 60 };

function readHours(data: PlainData | undefined): readonly DailyWindow[] | undefined {
  const windows: DailyWindow[] = [];
  for (const text of isList(data) ? data : [data]) {
    const [start = "", end = "", ...others] = typeof text === "string" ? text.split("-") : [];
    const window = { start: parseMinute(start), end: parseMinute(end) };
    if (window.start === undefined || window.end === undefined || others.length > 0)
      return undefined;
    windows.push({ start: window.start, end: window.end });
  }
  return windows;
}

function readWeekdays(data: PlainData | undefined): ReadonlySet<number> | undefined {
  if (data === undefined) return new Set([1, 2, 3, 4, 5, 6, 7]);
  if (!isList(data)) return undefined;
  const weekdays = data.map((each) => Number(numberTextOf(each)));
  return weekdays.every((day) => day >= 1 && day <= 7) ? new Set(weekdays) : undefined;
}
