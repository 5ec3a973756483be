import type { Instant } from "../../../domain/instant.js";
import type { Rate } from "../../../domain/rate-card.js";
import { mergeRates } from "../cards/merge-rates.js";
import type { Report } from "../cards/report.js";
import { toCard } from "../cards/to-card.js";
import type { PublishedCard } from "../rate-file.js";
import type { LiteLlmEntry } from "./litellm-entry.js";
import { writeOutMultipliers } from "./litellm-multipliers.js";
import { toRegionalRates } from "./litellm-regions.js";

/**
 * Makes one card of all entries of a provider's model: those of several names, and those of
 * regions.
 */
export function toLiteLlmCards(
  entries: readonly LiteLlmEntry[],
  report: Report,
): readonly PublishedCard[] {
  const models = groupBy(entries, ({ provider, model }) => `${provider}\n${model}`);
  return models.flatMap((members) => toModelCard(members, report));
}

function toModelCard(entries: readonly LiteLlmEntry[], report: Report): readonly PublishedCard[] {
  // The entry without a region leads, wherever the file has it.
  const sorted = [...entries].sort((a, b) => Number(a.region !== "") - Number(b.region !== ""));
  const [leading] = sorted;
  if (leading === undefined) return [];
  const { key: entry, provider, model } = leading;
  const others = sorted.length === 1 ? "" : ` and ${sorted.length - 1} more`;
  const source = `litellm model_prices_and_context_window: ${entry}${others}`;
  const card = toCard({ entry, source, rates: toRates(sorted, report) }, report);
  if (card === undefined) return [];
  const end = endOf(sorted);
  return [
    {
      ...{ entry, provider, model },
      revisions: [
        { effectiveFrom: undefined, card },
        ...(end === undefined ? [] : [{ effectiveFrom: end, card: undefined }]),
      ],
    },
  ];
}

function toRates(entries: readonly LiteLlmEntry[], report: Report): readonly Rate[] {
  const lists = groupBy(entries, ({ region }) => region).map((members) => {
    const merged = mergeRates(
      members.map(({ key, rates }) => ({ key, rates: rates.map(({ rate }) => rate) })),
      report,
    );
    const [{ key = "", region = "" } = {}] = members;
    return { entry: key, region, rates: writeOutMultipliers(members, merged, report) };
  });
  const anywhere = lists.filter(({ region }) => region === "").flatMap(({ rates }) => rates);
  const regional = lists.filter(({ region }) => region !== "");
  return [...anywhere, ...regional.flatMap((list) => toRegionalRates(list, anywhere, report))];
}

/** Returns when the last of the entries ends. Undefined: one of them goes on. */
function endOf(entries: readonly LiteLlmEntry[]): Instant | undefined {
  const ends = entries.map(({ endsAt }) => endsAt);
  return ends.reduce((last, end) =>
    last === undefined || end === undefined ? undefined : Math.max(last, end),
  );
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}
