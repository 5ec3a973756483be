import type { Random } from "./support/random.js";
import type { Target } from "./support/target.js";

/** An attack with a limited number of calls and a limited time. */
export type Attack = {
  /** Its name in the table and on the command line. */
  readonly name: string;
  /** Whether it may send valid writes. If not, the tables must not change. */
  readonly writes: "none" | "some";
  /** Runs twice, as round 0 and round 1, so that memory that grows each time is found. */
  readonly run: (target: Target, counter: Counter, random: Random, round: number) => Promise<void>;
};

/** Counts the outcomes of attempts. */
export type Counter = {
  /**
   * Rejected as promised: by an error of the contract or of HTTP, by a closed stream or connection, or,
   * if the call was incomplete, by no response.
   */
  readonly rejected: (count?: number) => void;
  /** Answered correctly. */
  readonly answered: (count?: number) => void;
  /** Any other outcome: `what` happened after `sent`. */
  readonly other: (what: string, sent?: string) => void;
  readonly counts: () => Counts;
};

export type Counts = {
  readonly rejected: number;
  readonly answered: number;
  readonly other: number;
  /** Other outcomes, each with its count and the first attempt that caused it. */
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
