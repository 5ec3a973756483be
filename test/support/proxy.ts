import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { DatabaseConnection } from "../../src/store/connection/pool.js";

/** The faults of a proxy. A test may change them at any time. */
export type Faults = {
  /** Closes each new connection at once. */
  rejectsConnections: boolean;
  /** Drops all data in both directions and keeps all connections open. */
  isSilent: boolean;
  /** Drops notifications of LISTEN, and forwards everything else. */
  losesNotifications: boolean;
  /** Holds the next statement of a connection after this number of completed statements. */
  heldAfterStatements: number;
  /** Holds the messages of the server. */
  holdsAnswers: boolean;
};

/** A proxy between PostgreSQL and its clients that simulates network faults. */
export type DatabaseProxy = {
  /** The same database through the proxy. */
  readonly connection: DatabaseConnection;
  readonly faults: Faults;
  readonly cutConnections: () => void;
  /** Drops all later data of the current connections. New connections work. */
  readonly stallConnections: () => void;
  /** Returns whether the next statement of a connection is held. */
  readonly isHolding: () => boolean;
  /** Forwards all held data, and stops holding. */
  readonly release: () => void;
  readonly counts: Readonly<Counts>;
  readonly close: () => void;
};

type Counts = {
  connections: number;
  /** How often the server became ready for a statement. */
  statements: number;
  /** Includes dropped notifications. */
  notifications: number;
};

type Link = {
  readonly client: Socket;
  readonly upstream: Socket;
  /** Held data to the server. */
  readonly held: Buffer[];
  /** Held messages from the server. */
  readonly heldAnswers: Buffer[];
  isSilent: boolean;
  /** How often the server became ready for a statement. The first time is before any statement. */
  timesReady: number;
};

export async function openProxy(database: DatabaseConnection): Promise<DatabaseProxy> {
  const faults: Faults = {
    rejectsConnections: false,
    isSilent: false,
    losesNotifications: false,
    heldAfterStatements: Number.POSITIVE_INFINITY,
    holdsAnswers: false,
  };
  const counts = { connections: 0, statements: 0, notifications: 0 };
  const target = { host: String(database.host), port: Number(database.port) };
  const links = new Set<Link>();

  const server = createServer({ noDelay: true }, (client) => {
    counts.connections += 1;
    client.on("error", () => {});
    if (faults.rejectsConnections) return void client.destroy();
    const upstream = connect({ ...target, noDelay: true });
    const link = { client, upstream, held: [], heldAnswers: [], isSilent: false, timesReady: 0 };
    links.add(link);
    client.on("close", () => links.delete(link));
    forward(link, faults, counts);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");

  const cutConnections = () => {
    for (const { client } of links) client.destroy();
  };
  return {
    connection: { ...database, host: "127.0.0.1", port: (server.address() as AddressInfo).port },
    faults,
    cutConnections,
    stallConnections: () => {
      for (const link of links) link.isSilent = true;
    },
    isHolding: () => [...links].some(({ held }) => held.length > 0),
    release: () => {
      faults.heldAfterStatements = Number.POSITIVE_INFINITY;
      faults.holdsAnswers = false;
      for (const { client, upstream, held, heldAnswers } of links) {
        upstream.write(Buffer.concat(held.splice(0)));
        client.write(Buffer.concat(heldAnswers.splice(0)));
      }
    },
    counts,
    close: () => {
      cutConnections();
      server.close();
    },
  };
}

/** Forwards data in both directions, as far as the faults allow. */
function forward(link: Link, faults: Faults, counts: Counts): void {
  const { client, upstream } = link;
  const isDropped = () => faults.isSilent || link.isSilent;
  client.on("data", (data) => {
    if (isDropped()) return;
    if (link.timesReady > faults.heldAfterStatements) link.held.push(data);
    else upstream.write(data);
  });
  client.on("close", () => upstream.destroy());

  const forwardMessage = (message: Buffer) => {
    const type = String.fromCharCode(message[0] ?? 0);
    if (type === readyForQuery) {
      link.timesReady += 1;
      counts.statements += 1;
    }
    if (type === notification) {
      counts.notifications += 1;
      if (faults.losesNotifications) return;
    }
    if (faults.holdsAnswers) link.heldAnswers.push(message);
    else client.write(message);
  };
  const splitMessages = createMessageSplitter();
  upstream.on("data", (data) => {
    const messages = splitMessages(data);
    if (!isDropped()) messages.forEach(forwardMessage);
  });
  upstream.on("error", () => {});
  // A silent connection does not forward the end of the connection.
  upstream.on("close", () => isDropped() || client.destroySoon());
}

/**
 * Returns a function that splits the server's data into messages. A message is a type byte, a length
 * of four bytes, which includes these four bytes, and the content.
 */
function createMessageSplitter(): (data: Buffer) => Buffer[] {
  let rest: Buffer = Buffer.alloc(0);
  return (data) => {
    rest = Buffer.concat([rest, data]);
    const messages: Buffer[] = [];
    while (rest.length >= 5 && rest.length >= 1 + rest.readUInt32BE(1)) {
      const length = 1 + rest.readUInt32BE(1);
      messages.push(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
    return messages;
  };
}

const readyForQuery = "Z";
const notification = "A";
