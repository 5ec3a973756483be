import type { DatabaseConnection } from "../src/store/connection/pool.js";
import type { LoadProcess } from "./support/load-process.js";

/** A section of the report: a table, and the figures that have a target. */
export type Section = {
  readonly title: string;
  /** Describes what was measured, and how. */
  readonly text: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly targets: readonly Target[];
  /** Wrong responses, which make the figures worthless, and exceeded limits. */
  readonly problems: readonly string[];
  /** Other files of docs/ that a long run writes, by name. */
  readonly documents?: Readonly<Record<string, string>>;
};

/** A figure, its limit (`must`) and its goal (`aim`). */
export type Target = {
  readonly what: string;
  readonly value: number;
  readonly must: number;
  readonly aim: number;
  readonly isMore: boolean;
  readonly unit: string;
};

/** The environment of all sections: a database with the example prices, and a core for the load. */
export type Bench = {
  readonly folder: string;
  readonly connection: DatabaseConnection;
  readonly url: string;
  readonly loadCore: number | undefined;
  /** The number of rounds of each measurement, after one warm-up round. */
  readonly rounds: number;
  /** Whether to measure the largest sizes, which take minutes. */
  readonly isLong: boolean;
};

/** Creates a target with an upper limit. */
export function atMost(what: string, value: number, must: number, aim: number, unit = ""): Target {
  return { what, value, must, aim, isMore: false, unit };
}

/** Creates a target with a lower limit. */
export function atLeast(what: string, value: number, must: number, aim: number): Target {
  return { what, value, must, aim, isMore: true, unit: "" };
}

export function isMet({ value, must, isMore }: Target): boolean {
  return isMore ? value >= must : value <= must;
}

/** Passes a load process to `run`, and stops it afterwards, also after an error. */
export async function withLoad<J, R, T>(
  load: LoadProcess<J, R>,
  run: (load: LoadProcess<J, R>) => Promise<T>,
): Promise<T> {
  try {
    return await run(load);
  } finally {
    load.stop();
  }
}
