import type { World, WorldOptions } from "../environment/environment.js";
import type { LoadSize } from "../load/load.js";
import type { Ledger } from "../load/write-log.js";

/** Something that goes wrong while clients call. */
export type Fault = {
  /** On the command line. */
  readonly name: string;
  /** In the table. */
  readonly what: string;
  /** How often it strikes in the long form. */
  readonly times: number;
  /** How often it strikes in the short form, if once is not enough. */
  readonly leastTimes?: number;
  readonly options?: WorldOptions;
  readonly load?: Partial<LoadSize>;
  /** What clients must not be spared, or the fault has not happened. */
  readonly felt: "writes" | "calculations" | "nothing";
  /**
   * Whether charges are right by the version of the book that they were made with only. Instants that
   * were answered before a clock is set back come again: nobody keeps them, and later changes get some.
   */
  readonly isRepriced?: boolean;
  /** Starts more clients, and answers what stops them. */
  readonly accompany?: (world: World, ledger: Ledger) => Promise<() => Promise<void>>;
  /** Lets it happen, and is done when it is over. The load goes on all the while. */
  readonly strike: (world: World, ledger: Ledger, time: number) => Promise<void>;
};
