import type { Server, Socket } from "node:net";
import type { Logger } from "pino";
import { SharedPlaces } from "../../async/shared-places.js";
import { takeListeners } from "../../library-internals/private-fields.js";
import { contained } from "../../logging/contained.js";
import { toClientAddress } from "./client-addresses.js";
import { ClientRecord } from "./client-record.js";
import type { SessionQueue } from "./session-queue.js";

/**
 * The places of a listener for connections. Clients from one address that have not authenticated get
 * only a share of them, so that others find a free place.
 */
export class ConnectionPlaces {
  readonly #queue: SessionQueue;
  readonly #places: SharedPlaces;
  readonly #records = new Map<string, ClientRecord>();

  constructor(maxConnections: number, queue: SessionQueue) {
    this.#queue = queue;
    this.#places = new SharedPlaces(maxConnections);
  }

  /**
   * Takes a place for a new connection, until it closes. Returns false, and destroys the connection, if
   * its address has no place left.
   */
  take(socket: Socket): boolean {
    const address = toClientAddress(socket.remoteAddress);
    if (!this.#places.hasPlaceFor(address)) {
      socket.destroy();
      return false;
    }
    const peer = peerOf(socket);
    let owner = address;
    this.#places.take(owner);
    const record = new ClientRecord(address, () => {
      if (socket.destroyed) return;
      this.#places.release(owner);
      owner = authenticatedClients;
      this.#places.take(owner);
      this.#queue.clientAuthenticates(address);
    });
    this.#records.set(peer, record);
    socket.once("close", () => {
      this.#places.release(owner);
      this.#records.delete(peer);
      if (owner !== address) this.#queue.addresses.authenticatedConnectionCloses(address);
    });
    return true;
  }

  /** Returns the record of a connection. `socket` may be the TLS socket above the one with the place. */
  recordOf(socket: Socket | undefined): ClientRecord {
    return (socket && this.#records.get(peerOf(socket))) ?? new ClientRecord();
  }
}

/**
 * Takes a place for each connection of a server before `listener` gets it: by default the server's own,
 * which with TLS starts the handshake.
 */
export function limitConnections(
  server: Server,
  places: ConnectionPlaces,
  log: Pick<Logger, "error">,
  listener = takeListeners(server, "connection"),
): void {
  const accept = (socket: Socket) => {
    if (places.take(socket)) listener(socket);
  };
  server.on(
    "connection",
    contained(log, "connection", accept, (socket) => socket.destroy()),
  );
}

function peerOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

/** The owner of the places whose clients are authenticated, among addresses. */
const authenticatedClients = "authenticated clients";
