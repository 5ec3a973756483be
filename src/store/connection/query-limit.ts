import type { Knex } from "knex";
import { FairQueue } from "../../async/fair-queue.js";
import { tooManyCalls } from "../../domain/domain-error.js";
import { limitsOf } from "./pool.js";

/** How a call uses the database. A large read also takes a turn among large reads. */
export type Access = "read" | "write" | "large read";

/** The caller that a call counts for, and the signal that ends its wait. */
export type LimitedCall = { readonly limitKey?: string; readonly signal: AbortSignal };

/**
 * Runs `work` within the concurrency limits of the pool. Writes use at most half of the connections, so
 * that reads find a free one while writers wait. Writes lose nothing: the row lock of the price book
 * runs them one at a time anyway. Two large reads run at a time, one of each caller: the event loop handles
 * their rows, and other calls wait for that. The number of running and waiting calls of each kind is limited
 * too: a call above that limit fails at once. Callers take turns.
 *
 * @throws DomainError TOO_MANY_CALLS
 */
export async function withConcurrencyLimit<T>(
  knex: Knex,
  access: Access,
  { limitKey = "", signal }: LimitedCall,
  work: () => Promise<T>,
): Promise<T> {
  const queue = queuesOf(knex)[access];
  if (!queue.accepts(limitKey)) {
    const which = whichCalls[access];
    throw tooManyCalls(which, "MAX_DATABASE_CALLS", queue.maxSize, queue.sizeOf(limitKey));
  }
  await queue.enter(limitKey, signal);
  try {
    return await work();
  } finally {
    queue.leave(limitKey);
  }
}

type Queues = Readonly<Record<Access, FairQueue>>;

function queuesOf(knex: Knex): Queues {
  const known = allQueues.get(knex);
  if (known !== undefined) return known;
  const { maxCalls = Number.POSITIVE_INFINITY, poolSize = 2 } = limitsOf(knex);
  const maxCallsOfAKind = Math.max(1, Math.floor(maxCalls / 2));
  const createQueue = (running: number, most: number) => {
    const places = Math.max(1, Math.min(running, most));
    return new FairQueue(places, most - places);
  };
  const queues = {
    read: createQueue(poolSize, maxCallsOfAKind),
    write: createQueue(Math.floor(poolSize / 2), maxCallsOfAKind),
    "large read": createQueue(largeReads, Math.max(1, Math.floor(maxCalls / 4))),
  };
  allQueues.set(knex, queues);
  return queues;
}

const whichCalls: Readonly<Record<Access, string>> = {
  read: "that reads the database",
  write: "that writes the database",
  "large read": "that lists more than 100 rows",
};

const largeReads = 2;
const allQueues = new WeakMap<Knex, Queues>();
