import type { Socket } from "node:net";
import { SharedPlaces } from "../../async/shared-places.js";
import { ClientAddresses } from "./client-addresses.js";

/** A connection whose HTTP/2 session has not started. */
type Waiting = {
  readonly socket: Socket;
  readonly start: () => void;
  readonly stop: () => void;
  /** Whether it occupies one of the places for connections of abused addresses. */
  hasPlace: boolean;
};

/**
 * Starts the HTTP/2 sessions of all listeners: at most one in each iteration of the event loop, from
 * another address each time. What one session reads at once shows an abuse before the next one starts.
 *
 * After an abuse, new connections from its address wait as `ClientAddresses` says. Only a limited number
 * of them wait, for a limited time. The others are destroyed. Those that have sent little start first, and
 * replace others, since a flood fills the buffers of its connections. A connection whose first bytes are a
 * flood is destroyed, and gets no session.
 */
export class SessionQueue {
  readonly addresses: ClientAddresses;
  readonly #waiting = new Map<string, Set<Waiting>>();
  readonly #places = new SharedPlaces(maxWaiting);
  #hasStarted = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(addresses = new ClientAddresses()) {
    this.addresses = addresses;
  }

  /** Calls `start` when the session of a connection may start. */
  enter(socket: Socket, address: string, start: () => void): void {
    const isFirst = !this.#hasStarted && !this.#waiting.has(address);
    if (isFirst && this.addresses.remainingPauseMs(address) === 0) {
      this.#start(address, start);
      return;
    }
    const waiting = this.#wait(socket, address, start);
    if (this.addresses.isAbused(address)) this.#keepOrDestroy(address, waiting);
    // An iteration in which a session has started ends with `#startNext`.
    if (!this.#hasStarted) this.#startNext();
  }

  /** Records that the client of a connection is authenticated. Others of its address may start now. */
  clientAuthenticates(address: string): void {
    this.addresses.clientAuthenticates(address);
    if (!this.#waiting.has(address)) return;
    setImmediate(() => {
      if (!this.#hasStarted) this.#startNext();
    });
  }

  /** Records that a client was disconnected for abuse. Its address now has to wait. */
  recordAbuse(address: string): void {
    this.addresses.recordAbuse(address);
    for (const waiting of this.#waiting.get(address) ?? []) this.#keepOrDestroy(address, waiting);
  }

  #start(address: string, start: () => void): void {
    this.#hasStarted = true;
    this.addresses.sessionStarts(address);
    setImmediate(() => {
      this.#hasStarted = false;
      this.#startNext();
    });
    start();
  }

  #wait(socket: Socket, address: string, start: () => void): Waiting {
    const destroy = () => socket.destroy();
    const stop = () => {
      clearTimeout(timer);
      socket.off("close", stop).off("error", destroy);
      if (waiting.hasPlace) this.#places.release(address);
      const all = this.#waiting.get(address);
      all?.delete(waiting);
      if (all?.size === 0) this.#waiting.delete(address);
    };
    const timer = setTimeout(destroy, maxWaitMs).unref();
    const waiting: Waiting = { socket, start, stop, hasPlace: false };
    socket.on("close", stop).on("error", destroy);
    const all = this.#waiting.get(address) ?? new Set();
    this.#waiting.set(address, all.add(waiting));
    return waiting;
  }

  #keepOrDestroy(address: string, waiting: Waiting): void {
    if (waiting.hasPlace) return;
    if (!this.#places.hasPlaceFor(address) && isQuiet(waiting)) {
      const all = [...(this.#waiting.get(address) ?? [])];
      const other = all.find((each) => each.hasPlace && !isQuiet(each));
      if (other !== undefined) destroyWaiting(other);
    }
    if (this.#places.hasPlaceFor(address)) {
      this.#places.take(address);
      waiting.hasPlace = true;
    } else destroyWaiting(waiting);
  }

  /** Starts a session of the first address that may, or waits until one may. */
  #startNext(): void {
    clearTimeout(this.#timer);
    let soonestMs = Number.POSITIVE_INFINITY;
    for (const [address, all] of this.#waiting) {
      const remainingMs = this.addresses.remainingPauseMs(address);
      if (remainingMs > 0) {
        soonestMs = Math.min(soonestMs, remainingMs);
        continue;
      }
      const next = pick(all);
      if (isFlood(next)) {
        destroyWaiting(next);
        this.recordAbuse(address);
        soonestMs = Math.min(soonestMs, this.addresses.remainingPauseMs(address));
        continue;
      }
      next.stop();
      // Moves the address behind the others.
      if (this.#waiting.delete(address)) this.#waiting.set(address, all);
      this.#start(address, next.start);
      return;
    }
    if (this.#waiting.size === 0) return;
    this.#timer = setTimeout(() => this.#startNext(), soonestMs).unref();
  }
}

/** Picks a connection at random, from those that have sent little if there are any. */
function pick(all: ReadonlySet<Waiting>): Waiting {
  const list = [...all];
  const quiet = list.filter(isQuiet);
  const candidates = quiet.length > 0 ? quiet : list;
  return candidates[Math.floor(Math.random() * candidates.length)] as Waiting;
}

function isQuiet({ socket }: Waiting): boolean {
  return socket.readableLength <= mostQuietBytes;
}

/** Returns whether the first bytes of a connection are a flood of resets or control frames. */
function isFlood(waiting: Waiting): boolean {
  if (isQuiet(waiting)) return false;
  const { socket } = waiting;
  const bytes: Buffer | null = socket.read();
  if (bytes === null) return false;
  socket.unshift(bytes);
  let count = 0;
  for (let at = prefaceBytes; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    if (floodTypes.has(bytes[at + 3] as number)) count += 1;
  }
  return count > mostFloodFrames;
}

function destroyWaiting({ stop, socket }: Waiting): void {
  stop();
  socket.destroy();
}

/** How many connections from abused addresses wait. Each holds up to 128 KiB of what it has received. */
const maxWaiting = 128;
const maxWaitMs = 10_000;
/** The preface, the settings, and a few calls. */
const mostQuietBytes = 8192;
const prefaceBytes = 24;
/** PRIORITY, RST_STREAM, SETTINGS, PING and WINDOW_UPDATE (RFC 9113, section 6). */
const floodTypes: ReadonlySet<number> = new Set([2, 3, 4, 6, 8]);
/** Clients send a few of these before they have received the server's settings. */
const mostFloodFrames = 50;
