import type { Rate } from "../../../domain/rate-card.js";
import { tierGroupOf } from "../cards/ambiguous-rates.js";
import { describeRate, findRate } from "../cards/rate-list.js";
import type { Report } from "../cards/report.js";

/** The prices of a model in one region, which are a list of their own. */
export type RegionalPrices = {
  readonly entry: string;
  readonly region: string;
  readonly rates: readonly Rate[];
};

/**
 * Returns the rates of a region, beside the rates of any region. A region without prices for large
 * inputs has the same prices for all: they are written out, so that they apply before those of any
 * region.
 */
export function toRegionalRates(
  { entry, region, rates }: RegionalPrices,
  anywhere: readonly Rate[],
  report: Report,
): readonly Rate[] {
  const own = rates.map((rate) => ({ ...rate, region }));
  const groups = new Set(own.map(tierGroupOf));
  const lacking = anywhere.filter((rate) => rate.region === "" && !groups.has(tierGroupOf(rate)));
  if (lacking.length > 0) {
    const names = new Set(lacking.map((rate) => describeRate({ ...rate, inputAbove: undefined })));
    const value = [...names].join(", ");
    report.note(entry, "REGION_INCOMPLETE", { field: "region", value: `${region}: ${value}` });
  }
  const isFlat = own.every(
    ({ inputAbove, hours }) => inputAbove === undefined && hours.length === 0,
  );
  if (!isFlat) return own;
  const written = anywhere
    .filter(({ inputAbove, hours }) => inputAbove !== undefined || hours.length > 0)
    .flatMap(({ bucket, serviceTier, inputAbove, hours }) => {
      const flat = { serviceTier, region, inputAbove: undefined, hours: [] };
      const rate = findRate(own, bucket, flat);
      return rate === undefined ? [] : [{ ...rate, inputAbove, hours }];
    });
  return [...own, ...written];
}
