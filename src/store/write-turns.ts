import type { Knex } from "knex";
import pLimit, { type LimitFunction } from "p-limit";

/**
 * Does a write when it is its turn: at most half of a pool's connections write at a time, so that
 * reads find one, whatever keeps the writers waiting. Writes lose nothing by it: the book's row lock
 * lets them go on one by one anyway.
 */
export function inTurn<T>(knex: Knex, write: () => Promise<T>): Promise<T> {
  let limit = limits.get(knex);
  if (limit === undefined) {
    limit = pLimit(Math.max(1, Math.floor(knex.client.pool.max / 2)));
    limits.set(knex, limit);
  }
  return limit(write);
}

/** One for each pool. */
const limits = new WeakMap<Knex, LimitFunction>();
