import { extname } from "node:path";
import { MessageChannel } from "node:worker_threads";
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import type { Logger } from "pino";
import { Piscina } from "piscina";
import type { Caller } from "../../domain/caller.js";
import { DomainError, tooManyCalls } from "../../domain/domain-error.js";
import type { PriceBook } from "../../price-book/price-book.js";
import { callerKey } from "../../rpc/call/caller-context.js";
import type { ConcurrencyLimit } from "../calls/concurrency-limit.js";
import { headerFinder } from "../calls/request-id.js";
import { type CallTrackerDependencies, trackCall } from "./call-tracker.js";
import type { MemoryBudget, OpenCallMemory } from "./memory-budget.js";
import { passOnAbort, toResponse } from "./read-response.js";
import { replyToLookup } from "./remote-price-book.js";
import type { HeaderEntries, OffloadedCall, ThreadSettings } from "./thread-messages.js";

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

export type ThreadPoolStats = {
  /** Running calls, and their maximum. */
  readonly open: number;
  readonly maxOpen: number;
  readonly threads: number;
  /** Calls rejected because of that maximum. */
  readonly rejected: number;
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
  concurrencyLimit: ConcurrencyLimit,
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
    concurrentTasksPerWorker: maxCallsPerThread,
    // Lowers the priority of the thread alone, on Linux: when cores are scarce, single calls go
    // first.
    niceIncrement: 10,
    // Waiting with Atomics would block the thread's event loop, and with it its database
    // connections.
    atomics: "disabled",
  });
  pool.on("error", (error) => log.error({ err: error }, "worker thread failed"));
  const maxOpen = maxThreads * maxCallsPerThread;
  let open = 0;
  let rejected = 0;
  const acquire = () => {
    // Not queued: in the pool's queue, calls would outlast their deadlines and their clients.
    if (open >= maxOpen) {
      rejected += 1;
      throw tooManyCalls("that are large", "BULK_THREADS", maxOpen);
    }
    concurrencyLimit.acquire();
    open += 1;
  };
  const release = () => {
    concurrencyLimit.release();
    open -= 1;
  };
  const openMemory = (caller: Caller | undefined) => {
    try {
      return memoryBudget.open(caller);
    } catch (error) {
      release();
      throw error;
    }
  };
  return {
    stats: () => ({
      ...{ open, maxOpen, threads: pool.threads.length, rejected },
      ...{ memoryBytes: memoryBudget.inUseBytes(), maxMemoryBytes: memoryBudget.limitBytes },
    }),
    serve: async ({ url, method, httpVersion, header, body, signal, contextValues }) => {
      const rpc = new URL(url).pathname.slice(1);
      const caller = contextValues?.get(callerKey);
      const findHeader = headerFinder(header);
      const tracked = trackCall(rpc, caller, findHeader, trackerDependencies, threadLost);
      let memory: OpenCallMemory;
      try {
        acquire();
        memory = openMemory(caller);
      } catch (error) {
        throw tracked.fail(error);
      }
      const { port1: port, port2 } = new MessageChannel();
      const response = tracked.listenTo(port, (request) =>
        replyToLookup(port, book, request, signal).catch((error) => {
          // After an abort the call has ended and needs no reply.
          if (!signal.aborted) log.error({ err: error }, "price book lookup failed");
        }),
      );
      for (const [name, value] of Object.entries(tracked.headers)) header.set(name, value);
      const stream = ReadableStream.from(body) as ReadableStream<Uint8Array>;
      const call = {
        ...{ url, method, httpVersion, header: [...header], caller, body: stream, port: port2 },
        memorySlot: memory.slot,
      };
      const stopPassingOn = passOnAbort(signal, port, tracked.fail);
      const trailers = runIn(pool, call, [stream, port2])
        .catch((error) => {
          const failure = tracked.fail(error);
          port.close();
          throw failure;
        })
        .finally(() => {
          release();
          memory.close();
          stopPassingOn();
        });
      // Fails whichever wait is next when the thread is lost: for the response or for its body.
      const lost = new Promise<never>((_, reject) => trailers.catch(reject));
      lost.catch(() => undefined);
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
): Promise<HeaderEntries> {
  const trailers = pool.run(call, { transferList: transferList as never });
  return trailers.catch((error) => Promise.reject(threadLost(error)));
}

function threadLost(cause?: unknown): DomainError {
  const message = "the thread that worked on the call was lost; try again";
  return new DomainError("THREAD_LOST", message, { cause });
}

/** Returns the size of a thread's heap in MB: what a thread itself takes, and the budget. */
function threadHeapMb({ memory }: ThreadSettings): number {
  return threadBaseMb + Math.ceil(memory.limitBytes / 2 ** 20);
}

const threadBaseMb = 64;

/** More calls would get too little of their thread's time, memory and connections. */
export const maxCallsPerThread = 32;
