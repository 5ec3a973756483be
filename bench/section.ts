import type { DatabaseConnection } from "../src/store/connection/pool.js";
import type { LoadProcess } from "./support/load-process.js";

/** A section of the report: a table, and the figures that have a target. */
export type Section = {
  readonly title: string;
  /** What was measured, and how. */
  readonly text: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly targets: readonly Target[];
  /** Wrong answers, which make the figures worthless, and limits that were exceeded. */
  readonly problems: readonly string[];
  /** Files of docs/ beside the report, by name: written from a long run. */
  readonly documents?: Readonly<Record<string, string>>;
};

/** A figure, and what it should be. */
export type Target = {
  readonly what: string;
  readonly value: number;
  readonly must: number;
  readonly aim: number;
  readonly isMore: boolean;
  readonly unit: string;
};

/** What every section measures with: a database with the example prices, and a core for the load. */
export type Bench = {
  readonly folder: string;
  readonly connection: DatabaseConnection;
  readonly url: string;
  readonly loadCore: number | undefined;
  /** How often each measurement is repeated, after one round that warms up. */
  readonly rounds: number;
  /** Whether to measure the largest sizes, which take minutes. */
  readonly isLong: boolean;
};

/** A target that is better the smaller it is. */
export function atMost(what: string, value: number, must: number, aim: number, unit = ""): Target {
  return { what, value, must, aim, isMore: false, unit };
}

/** A target that is better the larger it is. */
export function atLeast(what: string, value: number, must: number, aim: number): Target {
  return { what, value, must, aim, isMore: true, unit: "" };
}

export function isMet({ value, must, isMore }: Target): boolean {
  return isMore ? value >= must : value <= must;
}

/** Ends what has been started, whatever becomes of the work. */
export async function withLoad<J, R, T>(
  load: LoadProcess<J, R>,
  work: (load: LoadProcess<J, R>) => Promise<T>,
): Promise<T> {
  try {
    return await work(load);
  } finally {
    load.stop();
  }
}
