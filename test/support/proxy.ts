import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { DatabaseConnection } from "../../src/store/connection/pool.js";

/** What a proxy does to what passes it. May be changed at any time. */
export type Faults = {
  /** Each new connection is cut at once. */
  refusesConnections: boolean;
  /** Nothing comes through, in either direction, with all connections open. It is lost. */
  isSilent: boolean;
  /** What LISTEN would tell does not arrive; all else does. */
  losesNotifications: boolean;
  /** A connection that has got so many statements answered has to wait with the next. */
  heldAfterStatements: number;
  /** What the server says has to wait. */
  holdsAnswers: boolean;
};

/** A network between PostgreSQL and who connects to it, which can do what networks do. */
export type DatabaseProxy = {
  /** To the same database, through the proxy. */
  readonly connection: DatabaseConnection;
  readonly faults: Faults;
  readonly cutConnections: () => void;
  /** The connections of now fall silent, for good. New ones do not. */
  readonly silenceConnections: () => void;
  /** Whether a connection waits with its next statement. */
  readonly isHolding: () => boolean;
  /** Lets go what waits. */
  readonly release: () => void;
  readonly counts: Readonly<Counts>;
  readonly close: () => void;
};

type Counts = {
  connections: number;
  /** How often a server was ready for one. */
  statements: number;
  /** Lost ones included. */
  notifications: number;
};

type Link = {
  readonly client: Socket;
  readonly upstream: Socket;
  /** What waits to be passed on, to the server and from it. */
  readonly held: Buffer[];
  readonly heldAnswers: Buffer[];
  isSilent: boolean;
  /** How often the server was ready for a statement: once before the first. */
  timesReady: number;
};

export async function openProxy(database: DatabaseConnection): Promise<DatabaseProxy> {
  const faults: Faults = {
    refusesConnections: false,
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
    if (faults.refusesConnections) return void client.destroy();
    const upstream = connect({ ...target, noDelay: true });
    const link = { client, upstream, held: [], heldAnswers: [], isSilent: false, timesReady: 0 };
    links.add(link);
    client.on("close", () => links.delete(link));
    join(link, faults, counts);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");

  const cutConnections = () => {
    for (const { client } of links) client.destroy();
  };
  return {
    connection: { ...database, host: "127.0.0.1", port: (server.address() as AddressInfo).port },
    faults,
    cutConnections,
    silenceConnections: () => {
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

/** Passes on what both sides say, as far as the faults let it. */
function join(link: Link, faults: Faults, counts: Counts): void {
  const { client, upstream } = link;
  const isLost = () => faults.isSilent || link.isSilent;
  client.on("data", (data) => {
    if (isLost()) return;
    if (link.timesReady > faults.heldAfterStatements) link.held.push(data);
    else upstream.write(data);
  });
  client.on("close", () => upstream.destroy());

  const passMessage = (message: Buffer) => {
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
  const cutMessages = createMessageCutter();
  upstream.on("data", (data) => {
    const messages = cutMessages(data);
    if (!isLost()) messages.forEach(passMessage);
  });
  upstream.on("error", () => {});
  // Who is silent does not say goodbye either.
  upstream.on("close", () => isLost() || client.destroySoon());
}

/** What the server sends, message by message: a type, four bytes of length, which they count, the rest. */
function createMessageCutter(): (data: Buffer) => Buffer[] {
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
