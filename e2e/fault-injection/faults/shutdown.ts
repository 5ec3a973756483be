import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Replica } from "../environment/replica.js";
import { buildGoClient, startGoClient } from "../load/go-client.js";
import { startGrpcJsClient } from "../load/grpc-js-client.js";
import type { Fault } from "./fault.js";

/** What operators do every day. */
export const stopFaults: readonly Fault[] = [
  {
    name: "replaced",
    what: "SIGTERM of one replica after the other, each replaced",
    times: 4,
    // Each of the two replicas.
    leastTimes: 2,
    // Clients that retry feel nothing: a call of theirs that fails is a violation.
    felt: "nothing",
    load: { importRows: 0 },
    // A machine that is busy with starting replicas must not make the book of the other one old.
    options: { service: () => ({ MAX_BOOK_STALENESS_MS: "10000" }) },
    accompany: async ({ replicas }, ledger) => {
      await buildGoClient();
      const stops = [startGrpcJsClient(ledger, replicas), startGoClient(ledger, replicas)];
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
 * Waits until all clients have a connection to each replica. Those that were refused one while it was
 * away try again later and later; without the other one there would be nobody to answer them.
 */
async function untilClientsAreBack(replicas: readonly Replica[]): Promise<void> {
  for (const { grpcAddress } of replicas) {
    while ((await countConnections(grpcAddress)) < clientCount) await sleep(50);
  }
}

/** How many connections a server has, as Linux tells. */
async function countConnections(address: string): Promise<number> {
  const port = Number(address.split(":").at(-1)).toString(16).toUpperCase().padStart(4, "0");
  const lines = (await readFile("/proc/net/tcp", "utf8")).split("\n");
  return lines.filter((line) => {
    const [, local, , state] = line.trim().split(/ +/);
    return local?.endsWith(`:${port}`) && state === established;
  }).length;
}

const established = "01";
/** The load has one, and so has each of those that retry. */
const clientCount = 3;
