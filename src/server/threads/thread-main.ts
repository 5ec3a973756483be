import { type MessagePort, workerData } from "node:worker_threads";
import {
  ConnectError,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { toLoggedError } from "../../logging/loggable-error.js";
import type { PriceBook } from "../../price-book/price-book.js";
import { callerKey } from "../../rpc/call/caller-context.js";
import type { ChargeCounter } from "../../rpc/call/charge-counter.js";
import { createDatabase } from "../../store/connection/pool.js";
import type { SentSpan } from "../../tracing/tracing.js";
import { type CallLog, toCallRecord, toUnhandledCall } from "../calls/call-log.js";
import { unlimited } from "../calls/concurrency-limit.js";
import { headerFinder } from "../calls/request-id.js";
import { abortWhenLate, readUntil } from "../connect/body-deadline.js";
import { toConnectOptions } from "../connect/connect-options.js";
import { handleAndRewriteErrors } from "../connect/rewrite-connect-errors.js";
import { createServices } from "../pipeline/services.js";
import { fromThreadConnection } from "./connection-transfer.js";
import { createRemotePriceBook } from "./remote-price-book.js";
import { notTaken, send, tell } from "./send-response.js";
import type { HeaderEntries, OffloadedCall, ThreadSettings, ToThread } from "./thread-messages.js";

/**
 * What a thread runs: Connect's handlers, for every protocol. It asks the book of the thread that
 * has it, and has a few connections to the database for what is not in the book.
 *
 * Serves one call, beside others, and answers its trailers.
 */
export default async function serveCall(call: OffloadedCall): Promise<HeaderEntries> {
  const { header, port, body } = call;
  try {
    if (tracing === undefined) return await serve(call);
    const send = (span: SentSpan) => tell(port, { type: "span", span });
    return await tracing.trace(header, send, () => serve(call));
  } finally {
    // Whoever sends a body that Connect has not begun to read would wait for ever.
    body.cancel().catch(() => undefined);
    port.close();
  }
}

async function serve({ port, caller, ...call }: OffloadedCall): Promise<HeaderEntries> {
  const abort = new AbortController();
  const cutOff = new AbortController();
  const cutOffIn = (ms: number) => setTimeout(() => cutOff.abort(), ms);
  const timers = [cutOffIn(settings.maxStreamTimeoutMs + takingMs)];
  const onFailure = () => timers.push(cutOffIn(takingMs));
  port.on("message", (message: ToThread) => {
    if (message.type !== "abort") return;
    abort.abort(new ConnectError(message.message, message.code));
    onFailure();
  });
  try {
    const { pathname } = new URL(call.url);
    const handler = handlers.get(pathname);
    if (handler === undefined) throw new Error(`${call.url} is not served in threads`);
    timers.push(abortWhenLate(abort, limitMsOf(handler)));
    const header = new Headers(call.header as [string, string][]);
    const unhandled = toUnhandledCall(pathname.slice(1), headerFinder(header), caller);
    const request = {
      ...{ ...call, header, signal: abort.signal },
      body: readUntil(call.body, abort.signal),
      contextValues: createContextValues()
        .set(portOfCall, port)
        .set(failureOfCall, onFailure)
        .set(callerKey, caller),
    };
    const answer = await handleAndRewriteErrors(
      handler,
      request,
      settings.maxMessageBytes,
      (failure) => {
        tell(port, { type: "ended", call: toCallRecord(unhandled, failure) });
        onFailure();
      },
    );
    const isTaken = await send(port, answer, cutOff.signal);
    // Connect takes a body that is not asked for any further for one that has come to its end.
    return isTaken ? [...(answer.trailer ?? [])] : [...setTrailerStatus(new Headers(), notTaken())];
  } finally {
    timers.forEach(clearTimeout);
  }
}

/** A call has its time from here on, be it that its handler waits or Connect for its message. */
function limitMsOf({ method }: UniversalHandler): number {
  return method.methodKind === "unary" ? settings.maxTimeoutMs : settings.maxStreamTimeoutMs;
}

/** What observes calls lives where the metrics and the log are. */
function observe({ values }: HandlerContext): CallLog {
  const port = values.get(portOfCall);
  return {
    callStarts: (rpc) => tell(port, { type: "started", rpc }),
    callEnds: (call) => {
      // Of an error as it is, no more than its message and its stack would arrive.
      const cause = call.cause && toLoggedError(call.cause);
      tell(port, { type: "ended", call: { ...call, cause } });
      // Of a reader who does not read, nobody else may hear.
      if (call.code !== "ok") values.get(failureOfCall)();
    },
  };
}

/** So does the book. */
function bookOf({ values }: HandlerContext): PriceBook {
  const port = values.get(portOfCall);
  if (port === undefined) throw new Error("a call in a thread has a port");
  return createRemotePriceBook(port);
}

/** And the tally of charges. */
function tallyOf({ values }: HandlerContext): ChargeCounter {
  const port = values.get(portOfCall);
  return { add: (counts) => tell(port, { type: "charges", counts }) };
}

const portOfCall = createContextKey<MessagePort | undefined>(undefined);
const failureOfCall = createContextKey<() => void>(() => {});
const connectionsPerThread = 4;
// How long an answer may wait to be taken when its call is over.
const takingMs = 1000;
const settings: ThreadSettings = workerData;
const knex = createDatabase({
  connection: fromThreadConnection(settings.connection),
  ...settings.databaseLimits,
  poolSize: connectionsPerThread,
});
const tracing = settings.isTraced
  ? (await import("../../tracing/thread-tracing.js")).createThreadTracing(knex)
  : undefined;
const router = createConnectRouter(toConnectOptions(settings.maxMessageBytes));
createServices(
  { knex, bookOf, chargeCounterOf: tallyOf, ...settings },
  { callLogOf: observe, concurrencyLimit: unlimited, ...settings },
)((service, implementation) => router.service(service, implementation));
const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
