import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { DatabaseConnection } from "../../src/store/connection/pool.js";

/** A network between PostgreSQL and its clients that delays all data. */
export type SlowNetwork = {
  /** The same database over the network. */
  readonly connection: DatabaseConnection;
  readonly close: () => void;
};

/** Opens a network on which a round trip takes `roundTripMs`, half of it in each direction. */
export async function openSlowNetwork(
  database: DatabaseConnection,
  roundTripMs: number,
): Promise<SlowNetwork> {
  const sockets = new Set<Socket>();
  const target = { host: String(database.host), port: Number(database.port), noDelay: true };
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect(target);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    }
    forward(client, upstream, roundTripMs / 2);
    forward(upstream, client, roundTripMs / 2);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    connection: { ...database, host: "127.0.0.1", port: (server.address() as AddressInfo).port },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Timers of the same duration fire in order, so that the data stay in order too. */
function forward(from: Socket, to: Socket, delayMs: number): void {
  from.on("data", (data) => setTimeout(() => to.write(data), delayMs));
  from.on("close", () => setTimeout(() => to.destroySoon(), delayMs));
}
