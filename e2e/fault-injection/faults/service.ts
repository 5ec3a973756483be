import { setTimeout as sleep } from "node:timers/promises";
import type { World } from "../environment/environment.js";
import type { Fault } from "./fault.js";

/** What can happen to a process of the service. */
export const serviceFaults: readonly Fault[] = [
  {
    name: "service-killed",
    what: "kill -9 of a replica among writes",
    times: 4,
    felt: "writes",
    strike: async (world, _, time) => {
      await sleep(Math.random() * 300);
      await kill(world, time);
    },
  },
  {
    name: "import-killed",
    what: "kill -9 of a replica among imports of 2,000 rows",
    times: 4,
    felt: "writes",
    load: { importRows: 2000, importsNewNames: true },
    strike: async (world, ledger, time) => {
      const isSent = () => ledger.entries.some(({ state, rows }) => state === "sent" && rows[1]);
      while (!isSent()) await sleep(5);
      await sleep(Math.random() * 1500);
      await kill(world, time);
    },
  },
  {
    name: "service-frozen",
    what: "a replica frozen for 5 s",
    times: 1,
    felt: "nothing",
    strike: async ({ replicas }, _, time) => {
      const replica = replicas[time % replicas.length];
      replica?.signal("SIGSTOP");
      await sleep(5000);
      replica?.signal("SIGCONT");
    },
  },
];

/** Kills one replica after the other, and starts each again as an orchestrator does. */
async function kill({ replicas }: World, time: number): Promise<void> {
  const replica = replicas[time % replicas.length];
  if (replica === undefined) throw new Error("there is no replica");
  replica.signal("SIGKILL");
  await replica.ended();
  await replica.start();
}
