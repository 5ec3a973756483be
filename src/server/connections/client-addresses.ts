import { isIPv6 } from "node:net";
import { createTokenBucket, type TokenBucket } from "../../async/token-bucket.js";

/** What is remembered of an address from which unauthenticated clients wasted calls. */
type Memory = {
  readonly wastedCalls: TokenBucket;
  /** How often clients were disconnected for abuse. Falls by one in `forgetMs`. */
  level: number;
  abusedAtMs: number;
  /** The last abuse, or the last start of a session. */
  pausedAtMs: number;
};

/**
 * Remembers abuse by the addresses of clients, and says how long their next HTTP/2 session must wait.
 * Each abuse doubles the pause between two sessions of its address, up to a bound. Remembers at most
 * `maxAddresses`, and forgets the others.
 *
 * Also without abuse, only few sessions of an address start within 50 ms, until their clients
 * authenticate: the first bytes of these show an abuse.
 *
 * An address may have other clients as well. While one of them is authenticated, the pauses are short,
 * and each client that authenticates ends the current pause.
 */
export class ClientAddresses {
  readonly #now: () => number;
  readonly #maxAddresses: number;
  /** The address that was used least recently is the first. */
  readonly #memories = new Map<string, Memory>();
  /** When the last sessions of an address started, up to `maxNewSessions`, whose clients are unknown. */
  readonly #newSessions = new Map<string, number[]>();
  /** The open connections of authenticated clients. */
  readonly #authenticated = new Map<string, number>();

  constructor(now: () => number = () => performance.now(), maxAddresses = 10_000) {
    this.#now = now;
    this.#maxAddresses = maxAddresses;
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#memories.size;
  }

  /** Counts a call that an unauthenticated client wasted. Returns false above the limit. */
  takeWastedCall(address: string): boolean {
    return this.#remember(address).wastedCalls.take();
  }

  /** Records that a client was disconnected for abuse. */
  recordAbuse(address: string): void {
    const memory = this.#remember(address);
    const nowMs = this.#now();
    memory.level = Math.min(this.#levelOf(memory) + 1, maxLevel);
    memory.abusedAtMs = nowMs;
    memory.pausedAtMs = nowMs;
  }

  /** Returns whether abuse is remembered of an address. */
  isAbused(address: string): boolean {
    const memory = this.#memories.get(address);
    return memory !== undefined && this.#levelOf(memory) > 0;
  }

  /** Returns how long the next session of an address must wait: 0 if it may start now. */
  remainingPauseMs(address: string): number {
    const [oldest, ...others] = this.#newSessions.get(address) ?? [];
    const isFull = oldest !== undefined && others.length + 1 === maxNewSessions;
    const remainingMs = isFull ? Math.max(0, oldest + newSessionMs - this.#now()) : 0;
    return Math.max(remainingMs, this.#remainingAbusePauseMs(address));
  }

  #remainingAbusePauseMs(address: string): number {
    const memory = this.#memories.get(address);
    const level = memory === undefined ? 0 : this.#levelOf(memory);
    if (memory === undefined || level === 0) return 0;
    const mostMs = this.#authenticated.has(address) ? maxSharedPauseMs : maxPauseMs;
    const pauseMs = Math.min(firstPauseMs * 2 ** (level - 1), mostMs);
    return Math.max(0, memory.pausedAtMs + pauseMs - this.#now());
  }

  /** Starts the pause before the next session. */
  sessionStarts(address: string): void {
    // Those of a moment ago matter little.
    if (this.#newSessions.size > this.#maxAddresses) this.#newSessions.clear();
    const starts = [...(this.#newSessions.get(address) ?? []), this.#now()];
    this.#newSessions.set(address, starts.slice(-maxNewSessions));
    const memory = this.#memories.get(address);
    if (memory !== undefined) memory.pausedAtMs = this.#now();
  }

  /** Records that the client of a connection is authenticated. */
  clientAuthenticates(address: string): void {
    const [, ...starts] = this.#newSessions.get(address) ?? [];
    if (starts.length > 0) this.#newSessions.set(address, starts);
    else this.#newSessions.delete(address);
    this.#authenticated.set(address, (this.#authenticated.get(address) ?? 0) + 1);
    const memory = this.#memories.get(address);
    if (memory !== undefined) memory.pausedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Records that a connection whose client was authenticated is closed. */
  authenticatedConnectionCloses(address: string): void {
    const left = (this.#authenticated.get(address) ?? 0) - 1;
    if (left > 0) this.#authenticated.set(address, left);
    else this.#authenticated.delete(address);
  }

  #levelOf({ level, abusedAtMs }: Memory): number {
    return Math.max(0, level - Math.floor((this.#now() - abusedAtMs) / forgetMs));
  }

  #remember(address: string): Memory {
    const memory = this.#memories.get(address) ?? {
      wastedCalls: createTokenBucket(wastedCallsAtOnce, wastedCallsPerSecond, this.#now),
      ...{ level: 0, abusedAtMs: 0, pausedAtMs: Number.NEGATIVE_INFINITY },
    };
    this.#memories.delete(address);
    this.#memories.set(address, memory);
    if (this.#memories.size > this.#maxAddresses) {
      const [oldest] = this.#memories.keys();
      this.#memories.delete(oldest as string);
    }
    return memory;
  }
}

/**
 * Returns what counts as one address: an IPv4 address, or the first 64 bits of an IPv6 address, which
 * one customer of a network has.
 */
export function toClientAddress(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined) return "unknown";
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(remoteAddress) ?? [];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(remoteAddress)) return remoteAddress;
  const [head = "", tail] = (remoteAddress.split("%", 1)[0] ?? "").split("::");
  const groups = (text = "") => text.split(":").filter((group) => group !== "");
  const omitted = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array<string>(Math.max(0, omitted)).fill("0"), ...groups(tail)];
  const network = all.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(":")}::/64`;
}

const wastedCallsAtOnce = 100;
const wastedCallsPerSecond = 10;
const maxNewSessions = 2;
const newSessionMs = 50;
const firstPauseMs = 250;
const maxLevel = 6;
/** Half a percent of a processor's time goes to an abuser who uses a session as often. */
const maxPauseMs = 8000;
/** For an address that authenticated clients use as well. */
const maxSharedPauseMs = 1000;
const forgetMs = 10_000;
