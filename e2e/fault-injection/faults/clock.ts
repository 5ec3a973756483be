import { access, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Environment } from "../environment/environment.js";
import type { Fault } from "./fault.js";
import { kill } from "./service.js";

/** Clocks that jump or are wrong: that of PostgreSQL, which sets effective times, and those of the replicas. */
export const clockFaults: readonly Fault[] = [
  jumpOfDatabase("database-clock-forward", "PostgreSQL's clock 1 h forward, and back", "+1h"),
  jumpOfDatabase("database-clock-back", "PostgreSQL's clock 1 h back, and forward", "-1h"),
  jumpOfReplicas("service-clock-forward", "the replicas' clock 1 h forward, and back", "+1h"),
  jumpOfReplicas("service-clock-back", "the replicas' clock 1 h back, and forward", "-1h"),
  {
    name: "service-clocks-apart",
    what: "one replica's clock 10 s ahead, the other's 10 s behind; swapped, cut off, killed",
    times: 6,
    leastTimes: 2,
    affects: "writes",
    options: {
      prepare: async (folder) => {
        await setClock(folder, "clock-0", "+10");
        await setClock(folder, "clock-1", "-10");
      },
      service: (folder, index) => readClock(folder, `clock-${index}`),
    },
    strike: async (environment, _, time) => {
      const offsets = time % 2 === 0 ? ["-10", "+10"] : ["+10", "-10"];
      for (const [index, offset] of offsets.entries())
        await setClock(environment.dataFolder, `clock-${index}`, offset);
      for (const { cutConnections } of environment.proxies) cutConnections();
      await kill(environment, time);
    },
  },
];

function jumpOfDatabase(name: string, what: string, offset: string): Fault {
  const options = { postgres: (folder: string) => readClock(folder, "clock") };
  return { ...jump(name, what, offset, options), setsDatabaseClock: true };
}

function jumpOfReplicas(name: string, what: string, offset: string): Fault {
  return jump(name, what, offset, { service: (folder) => readClock(folder, "clock") });
}

function jump(name: string, what: string, offset: string, options: Fault["options"]): Fault {
  return {
    ...{ name, what, times: 2, leastTimes: 2, affects: "nothing" },
    options: { prepare: (folder) => setClock(folder, "clock", "+0"), ...options },
    strike: async ({ dataFolder }: Environment, _, time) => {
      await setClock(dataFolder, "clock", time % 2 === 0 ? offset : "+0");
      await sleep(2000);
    },
  };
}

/** Sets a clock, in seconds or with a unit from the real time. */
async function setClock(folder: string, clock: string, offset: string): Promise<void> {
  await access(library).catch(() => {
    throw new Error(`${library} is missing; e2e/fault-injection/install.sh installs it`);
  });
  // Atomically: a file that is empty for a moment would be another jump.
  await writeFile(join(folder, `next-${clock}`), offset, { mode: 0o644 });
  await rename(join(folder, `next-${clock}`), join(folder, clock));
}

/** Returns the environment variables of a process that has a clock. */
function readClock(folder: string, clock: string): Readonly<Record<string, string>> {
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: join(folder, clock),
    FAKETIME_NO_CACHE: "1",
    // As when an operator or NTP sets a clock: the monotonic clock continues.
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
}

const library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
