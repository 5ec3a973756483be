import type { Fault } from "./fault.js";
import { buildGoClient, startGoClient } from "./go-client.js";
import { startGrpcJsClient } from "./grpc-js-client.js";

/** What operators do every day. */
export const stopFaults: readonly Fault[] = [
  {
    name: "replaced",
    what: "SIGTERM of one replica after the other, each replaced",
    times: 4,
    // Clients that retry feel nothing: a call of theirs that fails is a violation.
    felt: "nothing",
    load: { importRows: 0 },
    accompany: async ({ replicas }, ledger) => {
      await buildGoClient();
      const stops = [startGrpcJsClient(ledger, replicas), startGoClient(ledger, replicas)];
      return async () => {
        await Promise.all(stops.map((stop) => stop()));
      };
    },
    strike: async ({ replicas }, _, time) => {
      const replica = replicas[time % replicas.length];
      if (replica === undefined) throw new Error("there is no replica");
      replica.signal("SIGTERM");
      await replica.ended();
      await replica.start();
    },
  },
];
