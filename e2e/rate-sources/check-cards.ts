import { isRateValue } from "../../src/cli/rates/data/decimal-text.js";
import { parseModelPattern, parseProvider } from "../../src/domain/price-key.js";
import type { Rate } from "../../src/domain/rate-card.js";
import type { ReadFile } from "./expectations.js";

/** Checks what holds for the cards of every file. */
export function checkCards({ file, checks: { check } }: ReadFile): void {
  const { cards } = file;
  const keys = cards.map(({ provider, model }) => `${provider}\n${model}`);
  check("each provider and model has one card", new Set(keys).size === keys.length);
  const invalid = cards.filter(({ provider, model }) => !isKey(provider, model));
  check("all names can be keys", invalid.length === 0, invalid[0]?.entry);
  const all = cards.flatMap(({ entry, revisions }) =>
    revisions.flatMap(({ card }) => (card === undefined ? [] : [{ entry, rates: card.rates }])),
  );
  const outside = all.find(({ rates }) => !rates.every(({ rate }) => isRateValue(rate)));
  check("all rates are within the bounds", outside === undefined, outside?.entry);
  const ambiguous = all.find(({ rates }) => isAmbiguous(rates));
  check("every request has one most special rate", ambiguous === undefined, ambiguous?.entry);
  const starts = cards.map(({ revisions }) => revisions.map((each) => each.effectiveFrom ?? -1e15));
  const isSorted = starts.every((list) =>
    list.every((at, i) => i === 0 || at > (list[i - 1] ?? 0)),
  );
  check("revisions are in the order of time", isSorted);
}

function isKey(provider: string, model: string): boolean {
  try {
    parseProvider("provider", provider);
    parseModelPattern("model", model, provider);
    return true;
  } catch {
    return false;
  }
}

/**
 * Tries each region, size of the input and hour that a rate names. Shares no code with the readers.
 */
function isAmbiguous(rates: readonly Rate[]): boolean {
  const groups = new Set(rates.map(tierOf));
  return [...groups].some((group) => {
    const members = rates.filter((rate) => tierOf(rate) === group);
    const regions = new Set(["", ...members.map(({ region }) => region)]);
    const inputs = new Set([0, ...members.map(({ inputAbove = 0 }) => inputAbove + 1)]);
    const windows = members.flatMap(({ hours }) => hours);
    const minutes = new Set([
      0,
      ...windows.map((each) => minuteOf(each.weekday, each.startMinute)),
    ]);
    return [...regions].some((region) =>
      [...inputs].some((input) =>
        [...minutes].some((minute) => {
          const found = members.filter((rate) => holds(rate, region, input, minute));
          const special = found.filter((a) => found.every((b) => isAsSpecial(a, b)));
          return found.length > 0 && special.length !== 1;
        }),
      ),
    );
  });
}

function tierOf({ bucket, serviceTier }: Rate): string {
  return `${bucket} ${serviceTier}`;
}

function holds(rate: Rate, region: string, input: number, minute: number): boolean {
  const { hours, inputAbove } = rate;
  return (
    (rate.region === "" || rate.region === region) &&
    (inputAbove === undefined || input > inputAbove) &&
    (hours.length === 0 ||
      hours.some(
        ({ weekday, startMinute, endMinute }) =>
          minute >= minuteOf(weekday, startMinute) && minute < minuteOf(weekday, endMinute),
      ))
  );
}

function isAsSpecial(a: Rate, b: Rate): boolean {
  return (
    (b.region === "" || a.region === b.region) &&
    (a.inputAbove ?? -1) >= (b.inputAbove ?? -1) &&
    (b.hours.length === 0 || a.hours.length > 0)
  );
}

function minuteOf(weekday: number, minute: number): number {
  return (weekday - 1) * 1440 + minute;
}
