import type { Knex } from "knex";
import pLimit, { type LimitFunction } from "p-limit";
import { tooManyCalls } from "../../domain/domain-error.js";
import { limitsOf } from "./pool.js";

/** How a call uses the database. */
export type Access = "read" | "write";

/**
 * Runs `work` within the concurrency limits of the pool. Writes use at most half of the
 * connections, so that reads find a free one while writers wait. Writes lose nothing: the row lock
 * of the price book runs them one at a time anyway. The number of running and waiting calls is
 * limited too, for reads and for writes: a call above that limit fails at once.
 *
 * @throws DomainError TOO_MANY_CALLS
 */
export async function withConcurrencyLimit<T>(
  knex: Knex,
  access: Access,
  work: () => Promise<T>,
): Promise<T> {
  const limiters = limitersOf(knex);
  if (limiters[access] >= limiters.maxCalls) {
    throw tooManyCalls(`that ${access} the database`, "MAX_DATABASE_CALLS", limiters.maxCalls);
  }
  limiters[access] += 1;
  try {
    return await (access === "write" ? limiters.writers(work) : work());
  } finally {
    limiters[access] -= 1;
  }
}

/** The state of one pool: the running and waiting calls of each kind, and their limits. */
type Limiters = {
  read: number;
  write: number;
  readonly maxCalls: number;
  readonly writers: LimitFunction;
};

function limitersOf(knex: Knex): Limiters {
  const known = allLimiters.get(knex);
  if (known !== undefined) return known;
  const { maxCalls = Number.POSITIVE_INFINITY, poolSize = 1 } = limitsOf(knex);
  const maxCallsOfAKind = Math.max(1, Math.floor(maxCalls / 2));
  const writers = pLimit(Math.max(1, Math.floor(poolSize / 2)));
  const limiters = { read: 0, write: 0, maxCalls: maxCallsOfAKind, writers };
  allLimiters.set(knex, limiters);
  return limiters;
}

const allLimiters = new WeakMap<Knex, Limiters>();
