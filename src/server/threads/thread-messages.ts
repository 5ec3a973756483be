import type { MessagePort } from "node:worker_threads";
import type { Caller } from "../../domain/caller.js";
import type { ChargeCount } from "../../rpc/call/charge-counter.js";
import type { SuggestionLimits } from "../../rpc/handlers/dependencies.js";
import type { DatabaseLimits } from "../../store/connection/pool.js";
import type { SentSpan } from "../../tracing/tracing.js";
import type { CallRecord } from "../calls/call-log.js";
import type { LookupReply, LookupRequest } from "./remote-price-book.js";

/** Headers as they can be sent to another thread. */
export type HeaderEntries = readonly (readonly [name: string, value: string])[];

/** A call on its way to a thread. */
export type OffloadedCall = {
  readonly httpVersion: string;
  readonly method: string;
  readonly url: string;
  readonly header: HeaderEntries;
  /** Who makes the call: whom the door has let in. */
  readonly caller: Caller | undefined;
  readonly body: ReadableStream<Uint8Array>;
  /** What both sides tell each other of the call. The thread closes it when it is done. */
  readonly port: MessagePort;
};

/** What a thread is told of a call: why it ends, when that is before its answer; what it asked. */
export type ToThread =
  | { readonly type: "abort"; readonly code: number; readonly message: string }
  | LookupReply;

/** What a thread tells of a call. */
export type FromThread =
  | { readonly type: "started"; readonly rpc: string }
  | { readonly type: "ended"; readonly call: CallRecord }
  | { readonly type: "charges"; readonly counts: readonly ChargeCount[] }
  | { readonly type: "span"; readonly span: SentSpan }
  | LookupRequest
  | ({ readonly type: "answer" } & ThreadResponse);

/** The answer to a call; its trailers come when its body has been read. */
export type ThreadResponse = {
  readonly status: number;
  readonly header: HeaderEntries;
  readonly body: ReadableStream<Uint8Array>;
};

/** What a thread needs to serve calls. */
export type ThreadSettings = {
  readonly connection: ThreadConnection;
  readonly maxBookStalenessMs: number;
  readonly suggestionLimits: SuggestionLimits;
  readonly maxBatchCalculations: number;
  readonly maxAllocationAccounts: number;
  readonly maxImportRows: number;
  readonly maxTimeoutMs: number;
  readonly maxStreamTimeoutMs: number;
  readonly streamIdleTimeoutMs: number;
  readonly maxMessageBytes: number;
  readonly databaseLimits: DatabaseLimits;
  /** Whether the spans of what a thread does are wanted. */
  readonly isTraced: boolean;
};

/** How to reach PostgreSQL, as it can be sent to another thread. */
export type ThreadConnection = {
  readonly connection: object;
  /** Stands for the function that pg takes to accept a certificate of another host. */
  readonly acceptsAnyHost: boolean;
};
