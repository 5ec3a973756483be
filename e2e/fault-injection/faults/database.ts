import { setTimeout as sleep } from "node:timers/promises";
import type { Environment } from "../environment/environment.js";
import { send } from "../environment/postgres.js";
import type { Fault } from "./fault.js";

/** Faults of PostgreSQL itself. */
export const databaseFaults: readonly Fault[] = [
  {
    name: "backend-killed",
    what: "kill -9 of a backend",
    times: 3,
    affects: "writes",
    strike: async ({ query }) => {
      const [busy] = await query(`
        select pid from pg_stat_activity
        where application_name like 'llmprices%' and pid <> pg_backend_pid()
        order by state = 'active' desc, random() limit 1`);
      send(Number(busy?.pid), "SIGKILL");
    },
  },
  {
    name: "postmaster-killed",
    what: "kill -9 of the postmaster, started again",
    times: 3,
    affects: "writes",
    strike: (environment) => restart(environment, "SIGKILL"),
  },
  {
    name: "restarted-fast",
    what: "PostgreSQL restarted, fast",
    times: 3,
    affects: "writes",
    strike: (environment) => restart(environment, "SIGINT"),
  },
  {
    name: "restarted-immediate",
    what: "PostgreSQL restarted, immediate",
    times: 3,
    affects: "writes",
    strike: (environment) => restart(environment, "SIGQUIT"),
  },
  {
    name: "away",
    what: "PostgreSQL away for 5 s",
    times: 1,
    affects: "calculations",
    strike: async (environment) => {
      environment.postgres.signal("SIGINT");
      await environment.postgres.ended();
      await sleep(longerThanFresh);
      await environment.postgres.start();
    },
  },
  {
    name: "frozen",
    what: "PostgreSQL frozen for 5 s",
    times: 1,
    affects: "calculations",
    strike: async ({ postgres }) => {
      await postgres.freeze();
      await sleep(longerThanFresh);
      await postgres.thaw();
    },
  },
];

async function restart({ postgres }: Environment, signal: NodeJS.Signals): Promise<void> {
  postgres.signal(signal);
  await postgres.ended();
  await postgres.start();
}

/** Twice as long as the price book may be stale. */
const longerThanFresh = 5000;
