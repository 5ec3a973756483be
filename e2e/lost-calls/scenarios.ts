import { setTimeout as sleep } from "node:timers/promises";
import type { Replica } from "../fault-injection/environment/replica.js";

/** What happens to the service while callers call it. */
export type Scenario = {
  readonly name: string;
  readonly what: string;
  readonly settings: Readonly<Record<string, string>>;
  /** What of the service ends while no process listens at its addresses. */
  readonly hasRestarts: boolean;
  /** Lets it happen once. */
  readonly happen: (replica: Replica) => Promise<void>;
  readonly times: number;
  readonly timesIfLong: number;
};

export const scenarios: readonly Scenario[] = [
  {
    name: "stop",
    what: "it stops, and starts again",
    settings: {},
    hasRestarts: true,
    happen: async (replica) => {
      replica.signal("SIGTERM");
      await replica.ended();
      await replica.start();
    },
    ...{ times: 2, timesIfLong: 20 },
  },
  {
    name: "age",
    what: "connections reach their age",
    settings: { MAX_CONNECTION_AGE_MS: "500" },
    hasRestarts: false,
    happen: () => sleep(500),
    ...{ times: 16, timesIfLong: 240 },
  },
  {
    name: "kill",
    what: "it is killed, and starts again",
    settings: {},
    hasRestarts: true,
    happen: async (replica) => {
      replica.signal("SIGKILL");
      await replica.ended();
      await replica.start();
    },
    ...{ times: 2, timesIfLong: 20 },
  },
];
