import type { MessagePort } from "node:worker_threads";
import type { Caller } from "../../domain/caller.js";
import type { ChargeCount } from "../../rpc/call/charge-counter.js";
import type { SuggestionLimits } from "../../rpc/handlers/dependencies.js";
import type { DatabaseLimits } from "../../store/connection/pool.js";
import type { SentSpan } from "../../tracing/tracing.js";
import type { CallRecord } from "../calls/call-log.js";
import type { MemoryTable } from "./memory-table.js";
import type { LookupReply, LookupRequest } from "./remote-price-book.js";

/** Headers in a form that can be sent to another thread. */
export type HeaderEntries = readonly (readonly [name: string, value: string])[];

/** A call for a worker thread. */
export type OffloadedCall = {
  readonly httpVersion: string;
  readonly method: string;
  readonly url: string;
  readonly header: HeaderEntries;
  /** The caller that the listener has authorized. */
  readonly caller: Caller | undefined;
  readonly body: ReadableStream<Uint8Array>;
  /** The slot of the call in `ThreadSettings.memory`. */
  readonly memorySlot: number;
  /** Carries all messages about the call. The thread closes it when the call has ended. */
  readonly port: MessagePort;
};

/**
 * A message to a thread: the call was aborted before its response, may continue after a wait, or gets
 * the reply to a lookup.
 */
export type ToThread =
  | { readonly type: "abort"; readonly code: number; readonly message: string }
  | { readonly type: "resumed" }
  | LookupReply;

/** A thread's message about a call. */
export type FromThread =
  | { readonly type: "started"; readonly rpc: string }
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  | { readonly type: "ended"; readonly call: CallRecord }
  | { readonly type: "charges"; readonly counts: readonly ChargeCount[] }
  | { readonly type: "span"; readonly span: SentSpan }
  | LookupRequest
  | ({ readonly type: "response" } & ThreadResponse);

/** The response to a call. Its trailers follow when its body has been read. */
export type ThreadResponse = {
  readonly status: number;
  readonly header: HeaderEntries;
  readonly body: ReadableStream<Uint8Array>;
};

/** The settings that a worker thread needs to serve calls. */
export type ThreadSettings = {
  /** What all calls hold, shared by all threads. */
  readonly memory: MemoryTable;
  readonly connection: ThreadConnection;
  readonly suggestionLimits: SuggestionLimits;
  readonly maxBatchCalculations: number;
  readonly maxAllocationAccounts: number;
  readonly maxImportRows: number;
  readonly maxTimeoutMs: number;
  readonly maxStreamTimeoutMs: number;
  readonly streamIdleTimeoutMs: number;
  readonly maxMessageBytes: number;
  readonly databaseLimits: DatabaseLimits;
  /** Whether the thread makes spans of its work. */
  readonly isTraced: boolean;
};

/** The connection options of PostgreSQL, in a form that can be sent to another thread. */
export type ThreadConnection = {
  readonly connection: object;
  /** Replaces the function with which pg accepts a certificate of another host. */
  readonly acceptsAnyHost: boolean;
};
