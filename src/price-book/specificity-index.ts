import type { Key } from "../domain/price-key.js";
import { specificityOf } from "../domain/selector.js";

/**
 * How specific the keys of each audience and provider are, so that a lookup tries only keys that may exist.
 * It may contain more than there is: when two scopes have the same hash, or of a newer version. That costs
 * a try, and changes no result. So all snapshots of a book share one, which only grows.
 */
export class SpecificityIndex {
  readonly #byScope = new Map<number, readonly number[]>();

  /** Adds a key, whose audience and provider have this hash. */
  add(scopeHash: number, key: Key): void {
    const scope = toSmallNumber(scopeHash);
    const known = this.#byScope.get(scope) ?? none;
    const specificity = specificityOf(key);
    if (!known.includes(specificity)) this.#byScope.set(scope, withAdded(known, specificity));
  }

  /** Returns the specificities of the keys of an audience and a provider, highest first. */
  of(scopeHash: number): readonly number[] {
    return this.#byScope.get(toSmallNumber(scopeHash)) ?? none;
  }
}

/** Most scopes have the same few lists: a million accounts share them. */
function withAdded(known: readonly number[], specificity: number): readonly number[] {
  const list = [...known, specificity].sort((a, b) => b - a);
  const name = list.join(" ");
  const shared = lists.get(name);
  if (shared !== undefined) return shared;
  if (lists.size < maxLists) lists.set(name, list);
  return list;
}

/** V8 stores numbers below 2^30 in a map without an object for each. */
function toSmallNumber(hash: number): number {
  return hash & 0x3fffffff;
}

const none: readonly number[] = [];
const lists = new Map<string, readonly number[]>();
const maxLists = 10_000;
