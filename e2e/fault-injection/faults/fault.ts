import type { Environment, EnvironmentOptions } from "../environment/environment.js";
import type { LoadSize } from "../load/load.js";
import type { WriteLog } from "../load/write-log.js";

/** A failure to inject while clients call. */
export type Fault = {
  /** Its name on the command line. */
  readonly name: string;
  /** Its description in the table. */
  readonly what: string;
  /** How often it strikes in the long form. */
  readonly times: number;
  /** How often it strikes in the short form, if once is not enough. */
  readonly leastTimes?: number;
  readonly options?: EnvironmentOptions;
  readonly load?: Partial<LoadSize>;
  /** Which calls must fail at least once: otherwise the fault had no effect. */
  readonly affects: "writes" | "calculations" | "nothing";
  /** Whether it sets PostgreSQL's clock, which is "now". */
  readonly setsDatabaseClock?: boolean;
  /** Starts more clients. Returns a function that stops them. */
  readonly startMoreClients?: (
    environment: Environment,
    writeLog: WriteLog,
  ) => Promise<() => Promise<void>>;
  /** Injects the fault, and returns when it is over. The load continues meanwhile. */
  readonly strike: (environment: Environment, writeLog: WriteLog, time: number) => Promise<void>;
};
