import { setTimeout as sleep } from "node:timers/promises";
import type { Environment } from "../environment/environment.js";
import type { Fault } from "./fault.js";

/** Faults of a process of the service. */
export const serviceFaults: readonly Fault[] = [
  {
    name: "service-killed",
    what: "kill -9 of a replica among writes",
    times: 4,
    affects: "writes",
    strike: async (environment, _, time) => {
      await sleep(Math.random() * 300);
      await kill(environment, time);
    },
  },
  {
    name: "import-killed",
    what: "kill -9 of a replica among imports of 2,000 rows",
    times: 4,
    affects: "writes",
    load: { importRows: 2000, importsNewNames: true },
    strike: async (environment, writeLog, time) => {
      const isSent = () => writeLog.entries.some(({ state, rows }) => state === "sent" && rows[1]);
      while (!isSent()) await sleep(5);
      await sleep(Math.random() * 1500);
      await kill(environment, time);
    },
  },
  {
    name: "service-frozen",
    what: "a replica frozen for 5 s",
    times: 1,
    affects: "nothing",
    strike: async ({ replicas }, _, time) => {
      const replica = replicas[time % replicas.length];
      replica?.signal("SIGSTOP");
      await sleep(5000);
      replica?.signal("SIGCONT");
    },
  },
];

/** Kills the replicas in turn, and restarts each as an orchestrator does. */
export async function kill({ replicas }: Environment, time: number): Promise<void> {
  const replica = replicas[time % replicas.length];
  if (replica === undefined) throw new Error("there is no replica");
  replica.signal("SIGKILL");
  await replica.ended();
  await replica.start();
}
