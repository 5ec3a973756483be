import { type Decimal, toPlainText } from "../../../domain/decimal.js";
import type { Rate } from "../../../domain/rate-card.js";
import { tokenBuckets } from "../../../domain/usage/buckets.js";
import { describeRate, findRate, standard } from "./rate-list.js";
import type { Report } from "./report.js";

/** A rate, and the field of the file that it comes from. */
export type FieldRate = { readonly field: string; readonly rate: Rate };

/**
 * Removes the rates of an entry that are no prices for our buckets, and reports them and all
 * doubts.
 */
export function checkRates(
  entry: string,
  rates: readonly FieldRate[],
  report: Report,
): readonly FieldRate[] {
  const checked = [removeCheapCacheWrites, removeTiersWithoutInput].reduce(
    (kept, remove) => remove(entry, kept, report),
    removeEqualReasoning(rates),
  );
  noteDoubts(entry, checked, report);
  return checked;
}

/**
 * Removes cache writes of 0 and below the input under the same conditions, and reports them. In
 * published files such a price is that of something else, or comes on top of the input: our buckets
 * are disjoint. A free model's are as free as its input.
 */
function removeCheapCacheWrites(
  entry: string,
  rates: readonly FieldRate[],
  report: Report,
): readonly FieldRate[] {
  const all = rates.map(({ rate }) => rate);
  return rates.filter(({ field, rate }) => {
    if (!rate.bucket.startsWith("CACHE_WRITE")) return true;
    const input = findRate(all, "INPUT", rate)?.rate;
    const isPrice =
      input?.isZero() || (rate.rate.gt(0) && (input === undefined || rate.rate.gte(input)));
    if (isPrice) return true;
    const detail = `${toPlainText(rate.rate)}, input ${describe(input)}`;
    report.omit(entry, "CACHE_WRITE_BELOW_INPUT", { field, detail });
    return false;
  });
}

/**
 * Removes the rates of reasoning where they are those of output under all conditions of a service
 * tier.
 */
function removeEqualReasoning(rates: readonly FieldRate[]): readonly FieldRate[] {
  const all = rates.map(({ rate }) => rate);
  const differs = new Set(
    all
      .filter((rate) => rate.bucket === "REASONING")
      .filter((rate) => !findRate(all, "OUTPUT", rate)?.rate.eq(rate.rate))
      .map(({ serviceTier }) => serviceTier),
  );
  return rates.filter(({ rate }) => rate.bucket !== "REASONING" || differs.has(rate.serviceTier));
}

/**
 * Removes rates of audio, images and video above a size of the input at which the rate of text does
 * not change, and reports them. Some are equal to the rate below, some contradict the entry's other
 * rates.
 */
function removeTiersWithoutInput(
  entry: string,
  rates: readonly FieldRate[],
  report: Report,
): readonly FieldRate[] {
  const all = rates.map(({ rate }) => rate);
  return rates.filter(({ field, rate }) => {
    const { inputAbove } = rate;
    const flat = { ...rate, inputAbove: undefined };
    const isLone =
      inputAbove !== undefined &&
      /_(?:AUDIO|IMAGE|VIDEO)$/.test(rate.bucket) &&
      findRate(all, "INPUT", flat) !== undefined &&
      !all.some((each) => each.bucket === "INPUT" && each.inputAbove === inputAbove);
    if (!isLone) return true;
    const below = findRate(all, rate.bucket, flat)?.rate;
    const detail = `${toPlainText(rate.rate)}, below ${describe(below)}`;
    report.omit(entry, "TIER_WITHOUT_INPUT", { field, detail });
    return false;
  });
}

/** Notes cache reads above the input, and rates that the entry lacks above a size of the input. */
function noteDoubts(entry: string, rates: readonly FieldRate[], report: Report): void {
  const all = rates.map(({ rate }) => rate);
  for (const { field, rate } of rates) {
    const input = findRate(all, "INPUT", rate)?.rate;
    if (rate.bucket !== "CACHE_READ" || input === undefined || rate.rate.lte(input)) continue;
    const detail = `input ${toPlainText(input)}`;
    report.note(entry, "CACHE_READ_ABOVE_INPUT", { field, value: toPlainText(rate.rate), detail });
  }
  const sizes = new Set(
    all
      .filter((rate) => rate.bucket === "INPUT" && rate.serviceTier === standard.serviceTier)
      .map(({ inputAbove }) => inputAbove)
      .filter((size) => size !== undefined),
  );
  for (const { field, rate } of rates) {
    if (rate.inputAbove !== undefined || !tokenBuckets.has(rate.bucket)) continue;
    for (const inputAbove of sizes) {
      if (findRate(all, rate.bucket, { ...rate, inputAbove }) !== undefined) continue;
      const missing = describeRate({ ...rate, inputAbove });
      report.note(entry, "NO_RATE_ABOVE", { field, value: missing });
    }
  }
}

function describe(value: Decimal | undefined): string {
  return value === undefined ? "unknown" : toPlainText(value);
}
