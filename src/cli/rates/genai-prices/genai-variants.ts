import type { Instant } from "../../../domain/instant.js";
import { standard } from "../cards/rate-list.js";
import type { Report } from "../cards/report.js";
import { argumentsOf, isList, isObject, type PlainData } from "../data/plain-data.js";
import type { PriceList } from "./genai-rates.js";
import { type Constraint, readConstraint } from "./genai-timeline.js";

/** Prices of a service tier that replace standard ones, each by itself. */
export type Variant = {
  readonly serviceTier: string;
  readonly prices: PriceList;
  readonly constraint: Constraint;
};

/**
 * Reads `price_variants`, and reports those of conditions that rate cards do not have. Leaves out
 * without a report those that repeat the standard: they are empty.
 */
export function readVariants(
  entry: string,
  data: PlainData | undefined,
  report: Report,
): readonly Variant[] {
  return (isList(data) ? data : []).flatMap((each) => {
    const fields = argumentsOf(each, "PriceVariant");
    const prices = argumentsOf(fields?.get("prices"), "ModelPrice");
    const when = fields?.get("when");
    const constraint = readConstraint(fields?.get("constraint"));
    const serviceTier = isObject(when) && when.size === 1 ? tierOf(when) : undefined;
    const isStandard = serviceTier === undefined || serviceTier === standard.serviceTier;
    if (prices?.size === 0 && isStandard) return [];
    if (
      prices === undefined ||
      isStandard ||
      (constraint?.kind !== "always" && constraint?.kind !== "from")
    ) {
      report.omit(entry, "CONDITION", { field: "price_variants", detail: describeWhen(when) });
      return [];
    }
    return [{ serviceTier, prices, constraint }];
  });
}

/** Returns the service tiers that have variants at an instant. */
export function tiersAt(variants: readonly Variant[], at: Instant): readonly string[] {
  return [...new Set(variants.filter((each) => holdsAt(each, at)).map((each) => each.serviceTier))];
}

/**
 * Returns the prices of a service tier: for each kind of price that of the first variant that has
 * it, and else the standard one.
 */
export function pricesOfTier(
  prices: PriceList,
  variants: readonly Variant[],
  serviceTier: string,
  at: Instant,
): PriceList {
  const own = variants.filter((each) => each.serviceTier === serviceTier && holdsAt(each, at));
  // The last one to be spread wins.
  return new Map(
    [prices, ...own.map((each) => each.prices).reverse()].flatMap((each) => [...each]),
  );
}

function holdsAt({ constraint }: Variant, at: Instant): boolean {
  return constraint.kind === "always" || (constraint.kind === "from" && constraint.start <= at);
}

function tierOf(when: ReadonlyMap<string, PlainData>): string | undefined {
  const [[condition, value] = []] = when;
  if (condition === "service_tier" && value === "default") return standard.serviceTier;
  const isTier =
    condition === "service_tier" ||
    (condition === "processing" && value === "batch") ||
    (condition === "speed" && value === "fast");
  return isTier && typeof value === "string" && value !== "" ? value : undefined;
}

function describeWhen(when: PlainData | undefined): string {
  if (!isObject(when)) return "no conditions";
  return [...when].map(([condition, value]) => `${condition} ${value}`).join(", ");
}
