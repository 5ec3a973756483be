import type { Knex } from "knex";
import pLimit, { type LimitFunction } from "p-limit";
import { tooManyCalls } from "../../domain/domain-error.js";
import { limitsOf } from "./pool.js";

/** What a call wants of the database. */
export type Use = "read" | "write";

/**
 * Does what a call wants of the database, when it is its turn: at most half of a pool's connections
 * write at a time, so that reads find one, whatever keeps the writers waiting. Writes lose nothing by
 * it: the book's row lock lets them go on one by one anyway. Neither reads nor writes wait in lines
 * that grow for ever: who would be one too many is refused at once.
 *
 * @throws DomainError TOO_MANY_CALLS
 */
export async function withConcurrencyLimit<T>(
  knex: Knex,
  use: Use,
  work: () => Promise<T>,
): Promise<T> {
  const turns = limitersOf(knex);
  if (turns[use] >= turns.most) {
    throw tooManyCalls(`that ${use} the database`, "MAX_DATABASE_CALLS", turns.most);
  }
  turns[use] += 1;
  try {
    return await (use === "write" ? turns.writers(work) : work());
  } finally {
    turns[use] -= 1;
  }
}

/** Of one pool: how many calls there are of each kind, waiting ones included. */
type Limiters = {
  read: number;
  write: number;
  readonly most: number;
  readonly writers: LimitFunction;
};

function limitersOf(knex: Knex): Limiters {
  const known = allLimiters.get(knex);
  if (known !== undefined) return known;
  const { maxCalls = Number.POSITIVE_INFINITY, poolSize = 1 } = limitsOf(knex);
  const most = Math.max(1, Math.floor(maxCalls / 2));
  const writers = pLimit(Math.max(1, Math.floor(poolSize / 2)));
  const turns = { read: 0, write: 0, most, writers };
  allLimiters.set(knex, turns);
  return turns;
}

const allLimiters = new WeakMap<Knex, Limiters>();
