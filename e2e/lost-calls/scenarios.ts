import { setTimeout as sleep } from "node:timers/promises";
import type { Replica } from "../fault-injection/environment/replica.js";

/** What happens to the service while callers call it. */
export type Scenario = {
  readonly name: string;
  readonly what: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Parameters of `serve`. */
  readonly parameters?: readonly string[];
  /** Whether there is a time in which no process listens. */
  readonly hasRestarts: boolean;
  /** Lets it happen once. */
  readonly happen: (replica: Replica) => Promise<void>;
  readonly times: number;
  readonly timesIfLong: number;
  /** Returns at most how many connections of each client have ended, after so many times. */
  readonly mostEnds: (times: number, elapsedMs: number) => number;
};

const restart = (signal: NodeJS.Signals) => async (replica: Replica) => {
  replica.signal(signal);
  await replica.ended();
  await replica.start();
};
const maxAgeMs = 500;

export const scenarios: readonly Scenario[] = [
  {
    ...{ name: "stop", what: "stops and starts again" },
    ...{ settings: {}, hasRestarts: true, happen: restart("SIGTERM") },
    ...{ times: 2, timesIfLong: 30 },
    mostEnds: (times) => times,
  },
  {
    ...{ name: "stop-workers", what: "stops with two workers and starts again" },
    ...{ settings: {}, hasRestarts: true, happen: restart("SIGTERM") },
    parameters: ["--workers", "2"],
    ...{ times: 1, timesIfLong: 30 },
    mostEnds: (times) => times,
  },
  {
    ...{ name: "age", what: "ends connections at their age" },
    ...{ settings: { MAX_CONNECTION_AGE_MS: String(maxAgeMs) }, hasRestarts: false },
    happen: () => sleep(maxAgeMs),
    ...{ times: 10, timesIfLong: 240 },
    // The age varies by a tenth.
    mostEnds: (_, elapsedMs) => Math.ceil(elapsedMs / (0.9 * maxAgeMs)),
  },
  {
    ...{ name: "kill", what: "is killed and starts again" },
    ...{ settings: {}, hasRestarts: true, happen: restart("SIGKILL") },
    ...{ times: 1, timesIfLong: 30 },
    mostEnds: (times) => times,
  },
];
