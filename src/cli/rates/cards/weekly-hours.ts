import type { WeeklyHours } from "../../../domain/rate-card.js";

/**
 * Windows of days: `start` and `end` in minutes after midnight in UTC. The end may be on the next
 * day.
 */
export type DailyWindow = {
  readonly start: number;
  readonly end: number;
  /** The days on which the window's minutes count. 1 is Monday. Undefined: all. */
  readonly weekdays?: ReadonlySet<number>;
  /** By how many minutes the clock that decides the weekday is ahead of UTC. */
  readonly weekdayOffset?: number;
};

/**
 * Returns the weekly windows in UTC that have exactly the minutes of these windows. An end at or
 * before its start is on the next day; equal ones are the whole day.
 */
export function toWeeklyHours(windows: readonly DailyWindow[]): readonly WeeklyHours[] {
  const isCovered = new Uint8Array(minutesOfWeek + 1);
  for (const window of windows) {
    for (let minute = 0; minute < minutesOfWeek; minute += 1) {
      if (contains(window, minute)) isCovered[minute] = 1;
    }
  }
  const hours: WeeklyHours[] = [];
  for (let day = 0; day < 7; day += 1) addDay(isCovered, day, hours);
  return hours;
}

/** Parses `10:30` as minutes after midnight, or returns undefined. */
export function parseMinute(text: string): number | undefined {
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  return hours === undefined ? undefined : Number(hours) * 60 + Number(minutes);
}

const minutesOfDay = 24 * 60;
const minutesOfWeek = 7 * minutesOfDay;

function contains(
  { start, end, weekdays, weekdayOffset = 0 }: DailyWindow,
  minute: number,
): boolean {
  const time = minute % minutesOfDay;
  const isInside = start < end ? time >= start && time < end : time >= start || time < end;
  if (!isInside || weekdays === undefined) return isInside;
  const local = (minute + weekdayOffset + minutesOfWeek) % minutesOfWeek;
  return weekdays.has(1 + Math.floor(local / minutesOfDay));
}

function addDay(isCovered: Uint8Array, day: number, hours: WeeklyHours[]): void {
  const first = day * minutesOfDay;
  let start: number | undefined;
  for (let time = 0; time <= minutesOfDay; time += 1) {
    const isInside = time < minutesOfDay && isCovered[first + time] === 1;
    if (isInside) start ??= time;
    else if (start !== undefined) {
      hours.push({ weekday: day + 1, startMinute: start, endMinute: time });
      start = undefined;
    }
  }
}
