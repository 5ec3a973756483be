import { extname } from "node:path";
import { MessageChannel } from "node:worker_threads";
import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import type { Logger } from "pino";
import { Piscina } from "piscina";
import type { Caller } from "../../domain/caller.js";
import { DomainError } from "../../domain/domain-error.js";
import type { PriceBook } from "../../price-book/price-book.js";
import { callerKey, unknownCaller } from "../../rpc/call/caller-context.js";
import { type CallPlace, type CallPlaces, whileWaiting } from "../calls/call-places.js";
import { headerFinder } from "../calls/request-id.js";
import { timeoutOf } from "../connect/timeout-headers.js";
import { type CallTrackerDependencies, trackCall } from "./call-tracker.js";
import { countPassedOn } from "./count-passed-on.js";
import type { MemoryBudget } from "./memory-budget.js";
import { createOffloadedPlaces, type OffloadedPlaces } from "./offloaded-places.js";
import { passOnAbort, toResponse } from "./read-response.js";
import { replyToLookup } from "./remote-price-book.js";
import type { HeaderEntries, OffloadedCall, ThreadSettings, ToThread } from "./thread-messages.js";

/** The worker threads that serve offloaded calls. */
export type ThreadPool = {
  /**
   * Serves a call of any of Connect's protocols.
   *
   * @throws ConnectError for TOO_MANY_CALLS when a limit on running calls is reached, or
   *   THREAD_LOST when the thread ended before its response.
   */
  readonly serve: (
    request: UniversalServerRequest & { readonly body: AsyncIterable<Uint8Array> },
  ) => Promise<UniversalServerResponse>;
  readonly stats: () => ThreadPoolStats;
  /** Ends the threads, even if they still serve calls. */
  readonly close: () => Promise<void>;
};

export type ThreadPoolStats = ReturnType<OffloadedPlaces["stats"]> & {
  readonly threads: number;
  /** Memory that calls hold, and its maximum. */
  readonly memoryBytes: number;
  readonly maxMemoryBytes: number;
};

/** Starts threads when they are needed, up to `maxThreads`. */
export function createThreadPool(
  maxThreads: number,
  settings: ThreadSettings,
  book: PriceBook,
  memoryBudget: MemoryBudget,
  trackerDependencies: CallTrackerDependencies,
  callPlaces: CallPlaces,
  log: Logger,
): ThreadPool {
  const pool = new Piscina<OffloadedCall, HeaderEntries>({
    filename: new URL(`./thread-main${extname(import.meta.url)}`, import.meta.url).href,
    workerData: settings,
    minThreads: 0,
    maxThreads,
    // Each thread's own, where a V8 flag would hold for the whole process.
    resourceLimits: { maxOldGenerationSizeMb: threadHeapMb(settings) },
    idleTimeout: Number.POSITIVE_INFINITY,
    // The places limit the calls. Waiting calls have none, and are not limited by the pool.
    concurrentTasksPerWorker: Number.MAX_SAFE_INTEGER,
    loadBalancer: chooseThread(maxThreads),
    // Lowers the priority of the thread alone, on Linux: when cores are scarce, single calls go
    // first.
    niceIncrement: 10,
    // Waiting with Atomics would block the thread's event loop, and with it its database
    // connections.
    atomics: "disabled",
  });
  // Calls that wait for a thread, which may be the only one and fail to start.
  const waiting = new Set<AbortController>();
  pool.on("error", (error) => {
    log.error({ err: error }, "worker thread failed");
    if (pool.threads.length > 0) return;
    for (const wait of waiting) wait.abort();
  });
  const places = createOffloadedPlaces(maxThreads, callPlaces);
  /** Waits for a place and takes memory, until the client has gone or its deadline has passed. */
  const enter = async (rpc: string, { limitKey }: Caller, signal: AbortSignal) => {
    let place: CallPlace | undefined;
    try {
      place = await places.enter(rpc, limitKey, signal);
      return { place, memory: memoryBudget.open(limitKey) };
    } catch (error) {
      place?.leave();
      throw signal.aborted ? ConnectError.from(signal.reason, Code.Canceled) : error;
    }
  };
  return {
    stats: () => ({
      ...{ ...places.stats(), threads: pool.threads.length },
      ...{ memoryBytes: memoryBudget.inUseBytes(), maxMemoryBytes: memoryBudget.limitBytes },
    }),
    serve: async ({ url, method, httpVersion, header, body, signal, contextValues }) => {
      const startedAtMs = performance.now();
      const timeoutMs = timeoutOf(header);
      const rpc = new URL(url).pathname.slice(1);
      const caller = contextValues?.get(callerKey);
      const findHeader = headerFinder(header);
      const tracked = trackCall(rpc, caller, findHeader, trackerDependencies, threadLost);
      const entered = await enter(rpc, caller ?? unknownCaller, signal).catch((error) => {
        throw tracked.fail(error);
      });
      const { place, memory } = entered;
      const { port1: port, port2 } = new MessageChannel();
      const lookupCall = {
        signal,
        timeoutMs: () => timeoutMs && Math.max(0, timeoutMs - (performance.now() - startedAtMs)),
        whileWaiting: <T>(wait: Promise<T>) => whileWaiting(place, wait),
      };
      const logFailure = (what: string) => (error: unknown) => {
        // After an abort the call has ended and needs no reply.
        if (!signal.aborted) log.error({ err: error }, what);
      };
      const resume = async () => {
        await place.resume();
        port.postMessage({ type: "resumed" } satisfies ToThread);
      };
      const response = tracked.listenTo(port, {
        onLookup: (request) =>
          replyToLookup(port, book, request, lookupCall).catch(
            logFailure("price book lookup failed"),
          ),
        onPause: place.pause.bind(place),
        onResume: () => resume().catch(logFailure("a call could not continue")),
      });
      for (const [name, value] of Object.entries(tracked.headers)) header.set(name, value);
      let loseCall: (reason: unknown) => void = () => {};
      // Fails whichever wait is next, for the response or for its body: when the thread is lost, or when
      // there is no memory for the request.
      const lost = new Promise<never>((_, reject) => {
        loseCall = reject;
      });
      lost.catch(() => undefined);
      const passedOn = countPassedOn(body, memory.reserve, (error) =>
        loseCall(tracked.fail(error)),
      );
      const stream = ReadableStream.from(passedOn) as ReadableStream<Uint8Array>;
      const call = {
        ...{ url, method, httpVersion, header: [...header], caller, body: stream, port: port2 },
        memorySlot: memory.slot,
      };
      const stopPassingOn = passOnAbort(signal, port, tracked.fail);
      const wait = new AbortController();
      waiting.add(wait);
      const trailers = runIn(pool, call, [stream, port2], wait.signal)
        .catch((error) => {
          const failure = tracked.fail(error);
          port.close();
          throw failure;
        })
        .finally(() => {
          waiting.delete(wait);
          place.leave();
          memory.close();
          stopPassingOn();
        });
      trailers.catch(loseCall);
      return toResponse(await Promise.race([response, lost]), trailers, lost, memoryBudget);
    },
    close: () => pool.destroy(),
  };
}

/**
 * Runs a call in a thread. Rejects with THREAD_LOST when the thread ends, or with the error that
 * prevented its start.
 */
async function runIn(
  pool: Piscina<OffloadedCall, HeaderEntries>,
  call: OffloadedCall,
  transferList: readonly object[],
  signal: AbortSignal,
): Promise<HeaderEntries> {
  const trailers = pool.run(call, { transferList: transferList as never, signal });
  return trailers.catch((error) => Promise.reject(threadLost(error)));
}

function threadLost(cause?: unknown): DomainError {
  const message = "the thread that worked on the call was lost; try again";
  return new DomainError("THREAD_LOST", message, { cause });
}

/**
 * Returns the size of a thread's heap in MB: what a thread itself takes, the budget, and what one message
 * takes at most before it is counted, while the dates in compressed JSON are checked.
 */
function threadHeapMb({ memory, maxMessageBytes }: ThreadSettings): number {
  const messageBytes = maxMessageBytes * maxObjectBytesPerByte;
  return threadBaseMb + Math.ceil((memory.limitBytes + messageBytes) / 2 ** 20);
}

const threadBaseMb = 64;
/** Of a message of empty entries, which have two bytes each. */
const maxObjectBytesPerByte = 100;

type LoadBalancer = NonNullable<
  NonNullable<ConstructorParameters<typeof Piscina>[0]>["loadBalancer"]
>;

/**
 * Returns the choice of a thread for a call: the least busy one. Undefined starts another thread while
 * all are busy.
 */
function chooseThread(maxThreads: number): LoadBalancer {
  return (_, threads) => {
    const [first, ...others] = threads;
    if (first === undefined) return null;
    const leastBusy = others.reduce((a, b) => (b.currentUsage < a.currentUsage ? b : a), first);
    return leastBusy.currentUsage > 0 && threads.length < maxThreads ? null : leastBusy;
  };
}
