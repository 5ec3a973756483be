import type { Random } from "./support/random.js";
import type { Target } from "./support/target.js";

/** One way to attack, bounded in count and time. */
export type Attack = {
  /** As in the table, and on the command line. */
  readonly name: string;
  /** Whether valid writes are among what it sends; else the tables must stay as they are. */
  readonly writes: "none" | "some";
  /** Is carried out twice, so that memory that grows each time is seen: round 0 and round 1. */
  readonly run: (target: Target, counter: Counter, random: Random, round: number) => Promise<void>;
};

/** Counts what was tried. */
export type Counter = {
  /**
   * Rejected as promised: by an error of the contract or of HTTP, by a closed stream or connection, or,
   * if the call was incomplete, by no response.
   */
  readonly rejected: (count?: number) => void;
  /** Answered, and rightly so. */
  readonly answered: (count?: number) => void;
  /** Anything else: `what` happened, after `sent`. */
  readonly other: (what: string, sent?: string) => void;
  readonly counts: () => Counts;
};

export type Counts = {
  readonly rejected: number;
  readonly answered: number;
  readonly other: number;
  /** What else there was, with the first attempt that showed it, and how often. */
  readonly problems: ReadonlyMap<string, Problem>;
};

export type Problem = { readonly count: number; readonly sent: string };

export function createCounter(): Counter {
  const problems = new Map<string, Problem>();
  let rejected = 0;
  let answered = 0;
  return {
    rejected: (count = 1) => {
      rejected += count;
    },
    answered: (count = 1) => {
      answered += count;
    },
    other: (what, sent = "") => {
      const known = problems.get(what);
      problems.set(what, { count: (known?.count ?? 0) + 1, sent: known?.sent ?? sent });
    },
    counts: () => ({
      ...{ rejected, answered, problems },
      other: [...problems.values()].reduce((sum, { count }) => sum + count, 0),
    }),
  };
}
