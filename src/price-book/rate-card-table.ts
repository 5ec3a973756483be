import type { Instant } from "../domain/instant.js";
import type { RateCardKey } from "../domain/rate-card.js";
import type { RateCardRow, RateCardStep, StoredCard } from "../store/timelines/price-book-feed.js";

/** The rate card that a request uses, with its validity as evidence. */
export type FoundRateCard = {
  readonly id: string;
  readonly key: RateCardKey;
  /** The same object for all requests that find it, so that it is sent to a thread only once. */
  readonly card: StoredCard;
  readonly effectiveFrom: Instant;
  readonly effectiveUntil: Instant | undefined;
};

/** The timelines of all rate cards, with everything that they ever said. Immutable. */
export class RateCardTable {
  readonly #timelines: ReadonlyMap<string, RateCardRow>;
  /** For each provider, how long the beginnings of names are that have a rate card, longest first. */
  readonly #prefixLengths: ReadonlyMap<string, readonly number[]>;

  private constructor(timelines: ReadonlyMap<string, RateCardRow>) {
    this.#timelines = timelines;
    const lengths = new Map<string, Set<number>>();
    for (const { key } of timelines.values()) {
      if (!key.model.endsWith("*")) continue;
      const ofProvider = lengths.get(key.provider) ?? new Set();
      lengths.set(key.provider, ofProvider.add(key.model.length - 1));
    }
    this.#prefixLengths = new Map(
      [...lengths].map(([provider, set]) => [provider, [...set].sort((a, b) => b - a)]),
    );
  }

  static readonly empty = new RateCardTable(new Map());

  get count(): number {
    return this.#timelines.size;
  }

  /** Returns a copy with the added timelines, which replace those of the same keys. */
  with(added: readonly RateCardRow[]): RateCardTable {
    if (added.length === 0) return this;
    return new RateCardTable(
      new Map([
        ...this.#timelines,
        ...added.map((row) => [toName(row.key.provider, row.key.model), row] as const),
      ]),
    );
  }

  /**
   * Returns the rate card of a model at an instant, as a version said: the one with its name, or the one with
   * the longest beginning of it. Undefined: none has rates then.
   */
  find({ provider, model }: RateCardKey, instant: Instant, version: number) {
    const exact = this.#findAt(provider, model, instant, version);
    if (exact !== undefined) return exact;
    for (const length of this.#prefixLengths.get(provider) ?? []) {
      if (length > model.length) continue;
      const found = this.#findAt(provider, `${model.slice(0, length)}*`, instant, version);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #findAt(
    provider: string,
    model: string,
    instant: Instant,
    version: number,
  ): FoundRateCard | undefined {
    const timeline = this.#timelines.get(toName(provider, model));
    return timeline && cardAt(timeline, instant, version);
  }
}

function cardAt(
  { id, key, steps }: RateCardRow,
  instant: Instant,
  version: number,
): FoundRateCard | undefined {
  let found: RateCardStep | undefined;
  let effectiveUntil: Instant | undefined;
  for (const step of steps) {
    const { effectiveFrom, bookVersion, supersededIn = Number.POSITIVE_INFINITY } = step;
    if (bookVersion > version || supersededIn <= version) continue;
    if (effectiveFrom > instant)
      effectiveUntil = Math.min(effectiveFrom, effectiveUntil ?? Infinity);
    else if (found === undefined || effectiveFrom > found.effectiveFrom) found = step;
  }
  if (found?.card === undefined) return undefined;
  return { id, key, card: found.card, effectiveFrom: found.effectiveFrom, effectiveUntil };
}

/** Neither part has a line feed. */
function toName(provider: string, model: string): string {
  return `${provider}\n${model}`;
}
