import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Replica } from "../environment/replica.js";
import { buildGoClient, startGoClient } from "../load/go-client.js";
import { startGrpcJsClient } from "../load/grpc-js-client.js";
import type { Fault } from "./fault.js";

/** Rolling restarts. */
export const stopFaults: readonly Fault[] = [
  {
    name: "replaced",
    what: "SIGTERM of one replica after the other, each replaced",
    times: 4,
    // Each of the two replicas.
    leastTimes: 2,
    // Clients that retry notice nothing: each of their calls must succeed.
    affects: "nothing",
    load: { importRows: 0 },
    // Starting a replica keeps the machine busy, which must not make the other price book stale.
    options: { service: () => ({ MAX_BOOK_STALENESS_MS: "10000" }) },
    startMoreClients: async ({ replicas }, writeLog) => {
      await buildGoClient();
      const stops = [startGrpcJsClient(writeLog, replicas), startGoClient(writeLog, replicas)];
      return async () => {
        await Promise.all(stops.map((stop) => stop()));
      };
    },
    strike: async ({ replicas }, _, time) => {
      await untilClientsAreBack(replicas);
      const replica = replicas[time % replicas.length];
      if (replica === undefined) throw new Error("there is no replica");
      replica.signal("SIGTERM");
      await replica.ended();
      await replica.start();
    },
  },
];

/**
 * Waits until all clients are connected to each replica. Clients reconnect with a growing backoff; if
 * the other replica stopped before that, no replica could answer them.
 */
async function untilClientsAreBack(replicas: readonly Replica[]): Promise<void> {
  for (const { grpcAddress } of replicas) {
    while ((await countConnections(grpcAddress)) < clientCount) await sleep(50);
  }
}

/** Counts the connections of a server, from proc_pid_net_tcp(5). */
async function countConnections(address: string): Promise<number> {
  const port = Number(address.split(":").at(-1)).toString(16).toUpperCase().padStart(4, "0");
  const lines = (await readFile("/proc/net/tcp", "utf8")).split("\n");
  return lines.filter((line) => {
    const [, local, , state] = line.trim().split(/ +/);
    return local?.endsWith(`:${port}`) && state === established;
  }).length;
}

const established = "01";
/** One of the load, and one of each client that retries. */
const clientCount = 3;
