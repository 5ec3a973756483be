import { access, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Environment } from "../environment/environment.js";
import type { Fault } from "./fault.js";

/** Clocks that jump: that of PostgreSQL, which sets effective times, and those of the replicas. */
export const clockFaults: readonly Fault[] = [
  jump("database-clock-forward", "PostgreSQL's clock 1 h forward, and back", "postgres", "+1h"),
  jump("database-clock-back", "PostgreSQL's clock 1 h back, and forward", "postgres", "-1h"),
  jump("service-clock-forward", "the replicas' clock 1 h forward, and back", "service", "+1h"),
  jump("service-clock-back", "the replicas' clock 1 h back, and forward", "service", "-1h"),
];

function jump(name: string, what: string, whose: "postgres" | "service", offset: string): Fault {
  return {
    ...{
      name,
      what,
      times: 2,
      leastTimes: 2,
      affects: "nothing",
      isRepriced: whose === "postgres",
    },
    options: {
      prepare: async (folder) => {
        await access(library).catch(() => {
          throw new Error(`${library} is missing; e2e/fault-injection/install.sh installs it`);
        });
        await writeFile(clockOf(folder), "+0", { mode: 0o644 });
      },
      [whose]: (folder: string) => ({
        LD_PRELOAD: library,
        FAKETIME_TIMESTAMP_FILE: clockOf(folder),
        FAKETIME_NO_CACHE: "1",
        // As when an operator or NTP sets a clock: the monotonic clock continues.
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
      }),
    },
    strike: async ({ dataFolder }: Environment, _, time) => {
      // Atomically: a file that is empty for a moment would be another jump.
      await writeFile(join(dataFolder, "next-clock"), time % 2 === 0 ? offset : "+0");
      await rename(join(dataFolder, "next-clock"), clockOf(dataFolder));
      await sleep(2000);
    },
  };
}

function clockOf(folder: string): string {
  return join(folder, "clock");
}

const library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
