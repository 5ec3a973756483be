import type { EventEmitter } from "node:events";
import type { Http2SecureServer, Http2Server, Http2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { isMap } from "node:util/types";

/*
 * Only this file reads private fields of libraries. Each function returns undefined when its field
 * is missing or has an unknown type. `internals.ts` describes what the service does then.
 */

/** Returns the HTTP/2 servers of a grpc-js server, one for each port or connection injector. */
export function findHttp2Servers(
  server: object,
): readonly (Http2Server | Http2SecureServer)[] | undefined {
  const { http2Servers } = server as { readonly http2Servers?: unknown };
  return isMap(http2Servers)
    ? [...(http2Servers as Map<Http2Server | Http2SecureServer, unknown>).keys()]
    : undefined;
}

/** Returns the listener of an event that Node or grpc-js has added, if there are no others. */
export function findOwnListener(
  emitter: EventEmitter,
  event: string,
): ((...args: unknown[]) => void) | undefined {
  const [own, ...others] = emitter.listeners(event);
  return others.length === 0 ? (own as (...args: unknown[]) => void) : undefined;
}

/**
 * Removes the listeners of an event, which Node and grpc-js have added. Returns a function that calls
 * them.
 *
 * @throws Error if there is none.
 */
export function takeListeners(emitter: EventEmitter, event: string): (...args: unknown[]) => void {
  const listeners = emitter.listeners(event);
  if (listeners.length === 0)
    throw new Error(`a library lacks the '${event}' listener of a server`);
  emitter.removeAllListeners(event);
  return (...args) => {
    for (const listener of listeners) listener.apply(emitter, args);
  };
}

/** Returns the state of an HTTP/2 session of Node, if it has a map of open streams. */
export function findStreamTable(session: Http2Session): StreamTableHolder | undefined {
  const symbol = Object.getOwnPropertySymbols(session).find((each) => each.description === "state");
  const state = symbol && (session as unknown as Record<symbol, unknown>)[symbol];
  const { streams } = (state ?? {}) as { readonly streams?: unknown };
  return isMap(streams) ? (state as StreamTableHolder) : undefined;
}

export type StreamTableHolder = { streams: Map<number, unknown> };

/** Returns the state of a readable stream of Node, if it has the number of objects that it reads ahead. */
export function findReadState(stream: Readable): ReadState | undefined {
  const { _readableState: state } = stream as { readonly _readableState?: Partial<ReadState> };
  return typeof state?.highWaterMark === "number" ? (state as ReadState) : undefined;
}

export type ReadState = { highWaterMark: number };

/** Returns the file descriptor of an open socket of Node, and the count of its unsent bytes. */
export function findDescriptor(socket: Socket): Descriptor | undefined {
  const { _handle: handle } = socket as unknown as {
    readonly _handle?: Partial<Descriptor> | null;
  };
  return typeof handle?.fd === "number" && typeof handle.writeQueueSize === "number"
    ? (handle as Descriptor)
    : undefined;
}

export type Descriptor = { readonly fd: number; readonly writeQueueSize: number };

/** Returns the socket of a client of `pg`, connected or not. */
export function findPgSocket(client: object): Pick<Socket, "destroy"> | undefined {
  const { connection } = client as { readonly connection?: { readonly stream?: Partial<Socket> } };
  const stream = connection?.stream;
  return typeof stream?.destroy === "function" ? (stream as Pick<Socket, "destroy">) : undefined;
}

/** Returns the process id that the server has sent to a connected client of `pg`. */
export function findProcessId(client: object): number | undefined {
  const { processID } = client as { readonly processID?: unknown };
  return typeof processID === "number" ? processID : undefined;
}

/** Returns the connection pool (tarn) of a `knex` that has a connection configured. */
export function findPool(knex: { readonly client: unknown }): ConnectionPool | undefined {
  const { pool } = (knex.client ?? {}) as { readonly pool?: Partial<ConnectionPool> | undefined };
  const isComplete =
    typeof pool?.max === "number" && poolMethods.every((name) => typeof pool[name] === "function");
  return isComplete ? (pool as ConnectionPool) : undefined;
}

const poolMethods = ["numUsed", "numFree", "numPendingAcquires", "on"] as const;

export type ConnectionPool = {
  readonly max: number;
  readonly numUsed: () => number;
  readonly numFree: () => number;
  readonly numPendingAcquires: () => number;
  // biome-ignore lint/suspicious/noExplicitAny: each event has parameters of its own.
  readonly on: (event: string, listener: (...args: any[]) => void) => void;
};
