import { setTimeout as sleep } from "node:timers/promises";
import { type MessagePort, workerData } from "node:worker_threads";
import type { DescMethod } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { raceAbort } from "../../async/race-abort.js";
import { toLoggedError } from "../../logging/loggable-error.js";
import type { PriceBook } from "../../price-book/price-book.js";
import { keepByteOrderMarks } from "../../protobuf/text-encoding.js";
import type { CallMemory } from "../../rpc/call/call-memory.js";
import { callerKey } from "../../rpc/call/caller-context.js";
import type { ChargeCounter } from "../../rpc/call/charge-counter.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import { createDatabase } from "../../store/connection/pool.js";
import type { SentSpan } from "../../tracing/tracing.js";
import { type CallLog, toCallRecord, toUnhandledCall } from "../calls/call-log.js";
import { type CallPlace, unlimitedPlaces, whileWaiting } from "../calls/call-places.js";
import { headerFinder } from "../calls/request-id.js";
import { abortWhenLate, readUntil } from "../connect/body-deadline.js";
import { mayBeCompressed } from "../connect/compression.js";
import { compressions, toConnectOptions } from "../connect/connect-options.js";
import { handleAndRewriteErrors, handlerStarted } from "../connect/rewrite-connect-errors.js";
import { createServices } from "../pipeline/services.js";
import { fromThreadConnection } from "./connection-transfer.js";
import { encodeResponses } from "./encode-responses.js";
import { createIdleCollector } from "./idle-collector.js";
import { openSlot } from "./memory-table.js";
import { createMessageMemory } from "./message-memory.js";
import { createRemotePriceBook } from "./remote-price-book.js";
import { postToMainThread, responseNotRead, sendResponse } from "./send-response.js";
import type { HeaderEntries, OffloadedCall, ThreadSettings, ToThread } from "./thread-messages.js";

/**
 * Serves one call, concurrently with others, and returns its trailers.
 *
 * A worker thread runs Connect's handlers, for every protocol. It looks up prices in the price book
 * of the main thread, and has a few database connections for everything else.
 */
export default async function serveCall(call: OffloadedCall): Promise<HeaderEntries> {
  const { header, port } = call;
  const body = call.body.getReader();
  const memory = openSlot(settings.memory, call.memorySlot);
  collector.callStarts();
  try {
    if (tracing === undefined) return await serve(call, body, memory);
    const send = (span: SentSpan) => postToMainThread(port, { type: "span", span });
    return await tracing.trace(header, send, () => serve(call, body, memory));
  } finally {
    // If the body has not been read to its end, its sender would otherwise keep messages for ever. The
    // reader may still wait for a message, or for a place that it no longer gets.
    body.cancel().catch(() => undefined);
    memory.close();
    collector.callEnds(memory.peakBytes());
    port.close();
  }
}

async function serve(
  { port, caller, ...call }: OffloadedCall,
  body: BodyReader,
  memory: CallMemory,
): Promise<HeaderEntries> {
  const abort = new AbortController();
  const cutOff = new AbortController();
  const cutOffIn = (ms: number) => setTimeout(() => cutOff.abort(), ms);
  const timers = [cutOffIn(settings.maxStreamTimeoutMs + readGraceMs)];
  const onFailure = () => timers.push(cutOffIn(readGraceMs));
  port.on("message", (message: ToThread) => {
    if (message.type !== "abort") return;
    abort.abort(new ConnectError(message.message, message.code));
    onFailure();
  });
  try {
    const { pathname } = new URL(call.url);
    const { method } = findHandler(handlers, pathname);
    timers.push(abortWhenLate(abort, limitMsOf(method)));
    const place = createRemotePlace(port);
    const header = new Headers(call.header as [string, string][]);
    const unhandled = toUnhandledCall(pathname.slice(1), headerFinder(header), caller);
    const contextValues = createContextValues()
      .set(memoryOfCall, memory)
      .set(portOfCall, port)
      .set(failureOfCall, onFailure)
      .set(callerKey, caller);
    const recordUnhandled = (failure: ConnectError) => {
      postToMainThread(port, { type: "ended", call: toCallRecord(unhandled, failure) });
      onFailure();
    };
    const reserve = (bytes: number) => {
      try {
        memory.reserve(bytes);
      } catch (error) {
        const failure = toConnectError(error);
        // Afterwards the pipeline records it.
        if (!contextValues.get(handlerStarted)) recordUnhandled(failure);
        throw failure;
      }
    };
    const messages = createMessageMemory(reserve, {
      isStream: method.methodKind !== "unary",
      contentType: header.get("content-type") ?? "",
      contentEncoding: header.get("content-encoding"),
    });
    const request = {
      ...{ ...call, header, signal: abort.signal, contextValues },
      body: messages.countBody(readUntil(readBody(body, place), abort.signal)),
    };
    const usedHandlers = mayBeCompressed(call.url, (name) => header.get(name))
      ? createHandlers(messages.countDecompressed)
      : handlers;
    const response = await handleAndRewriteErrors(
      findHandler(usedHandlers, pathname),
      request,
      settings.maxMessageBytes,
      recordUnhandled,
    );
    const isRead = await sendResponse(port, response, place, cutOff.signal);
    if (isRead) return [...(response.trailer ?? [])];
    // Connect's trailers would be wrong: it treats a body that is no longer read as complete.
    return [...setTrailerStatus(new Headers(), responseNotRead())];
  } finally {
    timers.forEach(clearTimeout);
  }
}

/**
 * Reads the body that the main thread passes on. It fails when the client has disconnected, possibly
 * before the main thread's message about that: Connect would take the failure for a malformed message.
 */
async function* readBody(body: BodyReader, place: CallPlace): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const { done, value } = await whileWaiting(place, body.read());
      if (done) return;
      yield value;
    }
  } catch (cause) {
    throw new ConnectError(
      "the client has disconnected",
      Code.Canceled,
      undefined,
      undefined,
      cause,
    );
  }
}

type BodyReader = ReadableStreamDefaultReader<Uint8Array>;

/** Returns the call's place in the main thread. Calls of other callers may run while it is paused. */
function createRemotePlace(port: MessagePort): CallPlace {
  return {
    pause: () => postToMainThread(port, { type: "pause" }),
    resume: () =>
      new Promise((resolve) => {
        const receive = (message: ToThread) => {
          if (message.type !== "resumed") return;
          port.off("message", receive);
          resolve();
        };
        port.on("message", receive);
        postToMainThread(port, { type: "resume" });
      }),
    leave: () => {},
  };
}

/** Connect's handlers of all methods, by their paths. */
type Handlers = ReadonlyMap<string, UniversalHandler>;

/** Creates handlers. Their compressions pass each message to `onDecompressed` before it is parsed. */
function createHandlers(onDecompressed: (message: Uint8Array) => void = () => {}): Handlers {
  const options = toConnectOptions(settings.maxMessageBytes);
  const acceptCompression = compressions.map((compression) => ({
    ...compression,
    decompress: async (bytes: Uint8Array, maxBytes: number) => {
      const message = await compression.decompress(bytes, maxBytes);
      onDecompressed(message);
      return message;
    },
  }));
  const router = createConnectRouter({ ...options, acceptCompression });
  mountServices((service, implementation) =>
    router.service(service, encodeResponses(service, implementation)),
  );
  return new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
}

function findHandler(handlers: Handlers, path: string): UniversalHandler {
  const found = handlers.get(path);
  if (found === undefined) throw new Error(`${path} is not served in threads`);
  return found;
}

/**
 * Returns the time limit of a call. It includes the time in which Connect waits for the message.
 */
function limitMsOf(method: DescMethod): number {
  return method.methodKind === "unary" ? settings.maxTimeoutMs : settings.maxStreamTimeoutMs;
}

/** Sends the events of a call to the main thread, which has the metrics and the log. */
function callLogOf({ values }: HandlerContext): CallLog {
  const port = values.get(portOfCall);
  return {
    callStarts: (rpc) => postToMainThread(port, { type: "started", rpc }),
    callEnds: (call) => {
      // Of an Error object, only the message and the stack would be sent.
      const cause = call.cause && toLoggedError(call.cause);
      postToMainThread(port, { type: "ended", call: { ...call, cause } });
      // Starts the time limit for reading the error: no other event reports a client that does not
      // read.
      if (call.code !== "ok") values.get(failureOfCall)();
    },
  };
}

/** Returns the main thread's price book. */
function bookOf({ values }: HandlerContext): PriceBook {
  const port = values.get(portOfCall);
  if (port === undefined) throw new Error("the call has no message port");
  return createRemotePriceBook(port);
}

/** Returns the memory of a call. */
function memoryOf({ values }: HandlerContext): CallMemory {
  const memory = values.get(memoryOfCall);
  if (memory === undefined) throw new Error("the call has no memory");
  return memory;
}

/** Sends counted charges to the main thread. */
function chargeCounterOf({ values }: HandlerContext): ChargeCounter {
  const port = values.get(portOfCall);
  return { add: (counts) => postToMainThread(port, { type: "charges", counts }) };
}

const memoryOfCall = createContextKey<CallMemory | undefined>(undefined);
const portOfCall = createContextKey<MessagePort | undefined>(undefined);
const failureOfCall = createContextKey<() => void>(() => {});
const connectionsPerThread = 4;
// How long the client has to read the rest of the response after its call has ended.
const readGraceMs = 1000;
const settings: ThreadSettings = workerData;
keepByteOrderMarks();
const collector = createIdleCollector();
const knex = createDatabase({
  connection: fromThreadConnection(settings.connection),
  ...settings.databaseLimits,
  poolSize: connectionsPerThread,
});
const tracing = settings.isTraced
  ? (await import("../../tracing/thread-tracing.js")).createThreadTracing(knex)
  : undefined;
const mountServices = createServices(
  {
    ...{ knex, bookOf, chargeCounterOf, memoryOf, ...settings },
    // The database has the changes. Only the main thread is notified of them.
    waitForChange: (_version, limitMs, signal) =>
      raceAbort(sleep(Math.min(limitMs, 1000), true, { ref: false }), signal),
  },
  { callLogOf, places: unlimitedPlaces, ...settings },
);
const handlers = createHandlers();
