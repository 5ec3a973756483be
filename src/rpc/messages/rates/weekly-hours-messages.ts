import type { MessageInitShape } from "@bufbuild/protobuf";
import { invalidField, quote } from "../../../domain/domain-error.js";
import { parseAll } from "../../../domain/field-errors.js";
import type { WeeklyHours } from "../../../domain/rate-card.js";
import {
  Weekday,
  type WeeklyHours as WeeklyHoursMessage,
  type WeeklyHoursSchema,
} from "../../../gen/llmprices/v1/rate_card_pb.js";

/** Parses windows of a week: one for each day of each message. @throws DomainError INVALID_FIELD */
export function parseWeeklyHours(
  field: string,
  messages: readonly WeeklyHoursMessage[],
): readonly WeeklyHours[] {
  return messages.flatMap((message, i) => parseMessage(`${field}[${i}]`, message));
}

/** Converts windows to messages: those with the same minutes of several days are one. */
export function toWeeklyHoursMessages(
  windows: readonly WeeklyHours[],
): MessageInitShape<typeof WeeklyHoursSchema>[] {
  const byMinutes = new Map<string, { start: string; end: string; weekdays: Weekday[] }>();
  for (const { weekday, startMinute, endMinute } of windows) {
    const [start, end] = [toText(startMinute), toText(endMinute)];
    const known = byMinutes.get(`${start} ${end}`) ?? { start, end, weekdays: [] };
    if (!known.weekdays.includes(weekday)) known.weekdays.push(weekday);
    byMinutes.set(`${start} ${end}`, known);
  }
  return [...byMinutes.values()].map(({ weekdays, ...minutes }) => ({
    ...minutes,
    weekdays: weekdays.length === allDays.length ? [] : weekdays.sort((a, b) => a - b),
  }));
}

function parseMessage(path: string, { weekdays, start, end }: WeeklyHoursMessage) {
  const { days, startMinute, endMinute } = parseAll({
    days: () => parseWeekdays(`${path}.weekdays`, weekdays),
    startMinute: () => parseMinute(`${path}.start`, start),
    endMinute: () => parseMinute(`${path}.end`, end),
  });
  if (endMinute <= startMinute) {
    throw invalidField(
      `${path}.end`,
      `is ${quote(end)}; allowed: after start, which is ${quote(start)}, at most 24:00; a window that goes ` +
        "on after midnight is two windows",
    );
  }
  return (days.length === 0 ? allDays : [...new Set(days)]).map((weekday) => ({
    ...{ weekday, startMinute, endMinute },
  }));
}

function parseWeekdays(field: string, weekdays: readonly Weekday[]): readonly number[] {
  if (weekdays.length <= allDays.length) {
    return weekdays.map((day, i) => parseWeekday(`${field}[${i}]`, day));
  }
  throw invalidField(field, `has ${weekdays.length} days; allowed: at most ${allDays.length}`);
}

function parseWeekday(field: string, day: Weekday): number {
  if (day >= Weekday.MONDAY && day <= Weekday.SUNDAY) return day;
  throw invalidField(field, `is ${day}; allowed: WEEKDAY_MONDAY to WEEKDAY_SUNDAY`);
}

function parseMinute(field: string, text: string): number {
  const [, hours, minutes] = /^([01]\d|2[0-4]):([0-5]\d)$/.exec(text) ?? [];
  const minute = Number(hours) * 60 + Number(minutes);
  if (minute <= minutesPerDay) return minute;
  throw invalidField(field, `is ${quote(text)}; expected a time of the day in UTC, 00:00 to 24:00`);
}

function toText(minute: number): string {
  const twoDigits = (value: number) => String(value).padStart(2, "0");
  return `${twoDigits(Math.floor(minute / 60))}:${twoDigits(minute % 60)}`;
}

const allDays = [1, 2, 3, 4, 5, 6, 7];
const minutesPerDay = 1440;
