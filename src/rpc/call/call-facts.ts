import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import { type Key, toKeyText } from "../../domain/price-key.js";

/**
 * What a handler adds to the log line of its call, by the names of the log. Has checked names, prices,
 * times and counts only, so that a line is short and has no secrets. Can be sent between threads.
 */
export type CallFacts = {
  /** A key that is written, or the id by which the request names it. */
  readonly key?: string;
  readonly llm_price_id?: string;
  /** The price that is written, or that a write takes away. */
  readonly price?: string;
  readonly rate_card_id?: string;
  /** The number of rates that are written, or that a write takes away. */
  readonly rates?: number;
  readonly effective_from?: string;
  readonly book_version?: number;
  /** Names that a write registers or removes. */
  readonly charge_type?: string;
  readonly provider?: string;
  readonly model?: string;
  /** The counts of an import. */
  readonly rows?: number;
  readonly created?: number;
  readonly updated?: number;
  readonly unchanged?: number;
  readonly ended?: number;
  readonly registered?: number;
  readonly validate_only?: boolean;
  /** The counts of repriced lines. */
  readonly lines?: number;
  readonly changed_lines?: number;
  readonly line_errors?: number;
  /** The first keys without a price, their number, and the number of calculations that failed for it. */
  readonly missing_keys?: readonly string[];
  readonly missing_key_count?: number;
  readonly unpriced_count?: number;
};

/** Adds facts to the log line of a call. */
export function addFacts({ values }: Pick<HandlerContext, "values">, facts: CallFacts): void {
  values.set(factsKey, { ...values.get(factsKey), ...facts });
}

/** Returns the facts of a call. Undefined: there are none, as for most calculations. */
export function factsOf({ values }: Pick<HandlerContext, "values">): CallFacts | undefined {
  return values.get(factsKey);
}

/** Collects keys without a price. */
export class MissingKeys {
  readonly #keys = new Set<string>();
  #count = 0;

  add(key: Key): void {
    this.#keys.add(toKeyText(key));
    this.#count += 1;
  }

  /** Adds the keys to the log line of a call, unless there are none. */
  addTo(context: Pick<HandlerContext, "values">): void {
    if (this.#count === 0) return;
    addFacts(context, {
      missing_keys: [...this.#keys].slice(0, maxLoggedKeys),
      missing_key_count: this.#keys.size,
      unpriced_count: this.#count,
    });
  }
}

const maxLoggedKeys = 10;
const factsKey = createContextKey<CallFacts | undefined>(undefined, {
  description: "what a handler adds to the log line",
});
