import { extname } from "node:path";
import { MessageChannel } from "node:worker_threads";
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import type { Logger } from "pino";
import { Piscina } from "piscina";
import { DomainError, tooManyCalls } from "../../domain/domain-error.js";
import type { PriceBook } from "../../price-book/price-book.js";
import { callerKey } from "../../rpc/call/caller-context.js";
import type { ConcurrencyLimit } from "../calls/concurrency-limit.js";
import { headerFinder } from "../calls/request-id.js";
import { type CallTrackerDependencies, trackCall } from "./call-tracker.js";
import { passOnAbort, toResponse } from "./read-response.js";
import { answerLookup } from "./remote-price-book.js";
import type { HeaderEntries, OffloadedCall, ThreadSettings } from "./thread-messages.js";

/** The threads that serve bulk calls. */
export type ThreadPool = {
  /**
   * Serves a call that any of Connect's protocols can read.
   *
   * @throws ConnectError for TOO_MANY_CALLS or THREAD_LOST when no thread could answer it.
   */
  readonly serve: (
    request: UniversalServerRequest & { readonly body: AsyncIterable<Uint8Array> },
  ) => Promise<UniversalServerResponse>;
  readonly stats: () => ThreadPoolStats;
  /** Ends the threads, and whatever they still do. */
  readonly close: () => Promise<void>;
};

export type ThreadPoolStats = {
  /** Calls at work, and how many there may be. */
  readonly open: number;
  readonly maxOpen: number;
  readonly threads: number;
  /** Calls that were too many. */
  readonly refused: number;
};

/** Starts threads as they are needed, up to `maxThreads`. */
export function createThreadPool(
  maxThreads: number,
  settings: ThreadSettings,
  book: PriceBook,
  watchers: CallTrackerDependencies,
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
    // On Linux, for the thread alone: where cores are scarce, single calls go first.
    niceIncrement: 10,
    // Its way of waiting would stop what the database's connections have to do meanwhile.
    atomics: "disabled",
  });
  pool.on("error", (error) => log.error({ err: error }, "bulk thread"));
  const maxOpen = maxThreads * maxCallsPerThread;
  let open = 0;
  let refused = 0;
  const acquire = () => {
    // The pool's queue would hold calls beyond their time, and beyond their callers.
    if (open >= maxOpen) {
      refused += 1;
      throw tooManyCalls("that are large", "BULK_THREADS", maxOpen);
    }
    concurrencyLimit.acquire();
    open += 1;
  };
  const release = () => {
    concurrencyLimit.release();
    open -= 1;
  };
  return {
    stats: () => ({ open, maxOpen, threads: pool.threads.length, refused }),
    serve: async ({ url, method, httpVersion, header, body, signal, contextValues }) => {
      const rpc = new URL(url).pathname.slice(1);
      const caller = contextValues?.get(callerKey);
      const tracked = trackCall(rpc, caller, headerFinder(header), watchers, threadLost);
      try {
        acquire();
      } catch (refusal) {
        throw tracked.fail(refusal);
      }
      const { port1: port, port2 } = new MessageChannel();
      const answer = tracked.listenTo(port, (question) =>
        answerLookup(port, book, question, signal).catch((error) => {
          // The call has ended meanwhile, and with it the wish to know.
          if (!signal.aborted) log.error({ err: error }, "the book could not be asked");
        }),
      );
      for (const [name, value] of Object.entries(tracked.headers)) header.set(name, value);
      const stream = ReadableStream.from(body) as ReadableStream<Uint8Array>;
      const call = {
        ...{ url, method, httpVersion, header: [...header], caller, body: stream, port: port2 },
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
          stopPassingOn();
        });
      // A thread that is lost is lost for whoever waits next, be it for the answer or for its body.
      const lost = new Promise<never>((_, reject) => trailers.catch(reject));
      lost.catch(() => undefined);
      return toResponse(await Promise.race([answer, lost]), trailers, lost);
    },
    close: () => pool.destroy(),
  };
}

/** Rejects with THREAD_LOST when the thread is, or with what has been thrown before there was one. */
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

/**
 * Returns the size of a thread's heap: enough for the largest allocation, and not more. A heap that may grow
 * further keeps the garbage of one allocation through the next. Measured with 200,000 accounts, four
 * times: 78 MB more than an idle process at a limit of 512 MB, 107 MB without a limit.
 */
export function threadHeapMb({ maxAllocationAccounts }: ThreadSettings): number {
  return Math.max(512, Math.ceil((maxAllocationAccounts * heapBytesPerAccount) / 2 ** 20));
}

/** Of the largest allocations; resident memory included, it is 400 at most (docs/allocation.md). */
const heapBytesPerAccount = 400;

// More share a thread's time, its memory and its connections than is good for any of them.
const maxCallsPerThread = 32;
