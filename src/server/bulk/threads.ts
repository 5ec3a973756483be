import { extname } from "node:path";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import type { Logger } from "pino";
import { Piscina } from "piscina";
import type { Book } from "../../book/book.js";
import { DomainError, tooManyCalls } from "../../domain/errors.js";
import { toConnectError } from "../../rpc/errors.js";
import type { Admission } from "../admission.js";
import { type CallObserver, codeName, type EndedCall } from "../call-observer.js";
import { passOnAbort, toResponse } from "./answers.js";
import { type BookAsk, replyTo } from "./book-port.js";
import type { BulkCall, FromThread, HeaderEntries, ThreadAnswer, ThreadSettings } from "./call.js";

/** The threads that serve bulk calls. */
export type BulkThreads = {
  /**
   * Serves a call that any of Connect's protocols can read.
   *
   * @throws DomainError TOO_MANY_CALLS or THREAD_LOST when no thread could answer it.
   */
  readonly serve: (
    request: UniversalServerRequest & { readonly body: AsyncIterable<Uint8Array> },
  ) => Promise<UniversalServerResponse>;
  /** Ends the threads, and whatever they still do. */
  readonly close: () => Promise<void>;
};

/** Starts threads as they are needed, up to `maxThreads`. */
export function createBulkThreads(
  maxThreads: number,
  settings: ThreadSettings,
  book: Book,
  observer: CallObserver,
  admission: Admission,
  log: Logger,
): BulkThreads {
  const pool = new Piscina<BulkCall, HeaderEntries>({
    filename: new URL(`./thread${extname(import.meta.url)}`, import.meta.url).href,
    workerData: settings,
    minThreads: 0,
    maxThreads,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: maxCallsPerThread,
    // On Linux, for the thread alone: where cores are scarce, single calls go first.
    niceIncrement: 10,
    // Its way of waiting would stop what the database's connections have to do meanwhile.
    atomics: "disabled",
  });
  pool.on("error", (error) => log.error({ err: error }, "bulk thread"));
  let open = 0;
  const most = maxThreads * maxCallsPerThread;
  const enter = () => {
    // The pool's queue would hold calls beyond their time, and beyond their callers.
    if (open >= most) throw tooManyCalls("that are large", "BULK_THREADS", most);
    admission.enter();
    open += 1;
  };
  const leave = () => {
    admission.leave();
    open -= 1;
  };
  return {
    serve: async ({ url, method, httpVersion, header, body, signal }) => {
      const rpc = new URL(url).pathname.slice(1);
      try {
        enter();
      } catch (refusal) {
        observer.callStarts(rpc);
        observer.callEnds(toUnservedCall(rpc, performance.now(), refusal as DomainError));
        throw refusal;
      }
      const { port1: port, port2 } = new MessageChannel();
      const answer = listenTo(port, observer, (question) =>
        replyTo(port, book, question, signal).catch((error) => {
          // The call has ended meanwhile, and with it the wish to know.
          if (!signal.aborted) log.error({ err: error }, "the book could not be asked");
        }),
      );
      const stream = ReadableStream.from(body) as ReadableStream<Uint8Array>;
      const call = { url, method, httpVersion, header: [...header], body: stream, port: port2 };
      const stopPassingOn = passOnAbort(signal, port);
      const trailers = pool
        .run(call, { transferList: [stream, port2] as never })
        .catch((error) => {
          port.close();
          throw toRefusal(error);
        })
        .finally(() => {
          leave();
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

/** Waits for the answer, and passes on what the thread tells of the call. */
function listenTo(
  port: MessagePort,
  observer: CallObserver,
  onAsk: (question: BookAsk) => void,
): Promise<ThreadAnswer> {
  return new Promise((resolve) => {
    let open: { readonly rpc: string; readonly startedAt: number } | undefined;
    port.on("message", (message: FromThread) => {
      if (message.type === "answer") return resolve(message);
      if (message.type === "ask") return onAsk(message);
      if (message.type === "started") {
        open = { rpc: message.rpc, startedAt: performance.now() };
        return observer.callStarts(message.rpc);
      }
      open = undefined;
      observer.callEnds(message.call);
    });
    // Closed before the thread has told the end of the call: the thread is gone.
    port.on("close", () => {
      if (open !== undefined)
        observer.callEnds(toUnservedCall(open.rpc, open.startedAt, toRefusal(undefined)));
    });
  });
}

function toRefusal(cause: unknown): DomainError {
  const message = "the thread that worked on the call was lost; try again";
  return new DomainError("THREAD_LOST", message, {}, [], { cause });
}

/** Of a call that no thread has told the end of. */
function toUnservedCall(rpc: string, startedAt: number, failure: DomainError): EndedCall {
  const { code, rawMessage } = toConnectError(failure);
  return {
    ...{ rpc, protocol: "unknown", caller: "unknown", code: codeName(code), message: rawMessage },
    seconds: (performance.now() - startedAt) / 1000,
    ...{ requestId: undefined, reason: undefined, cause: failure.cause },
  };
}

// More share a thread's time, its memory and its connections than is good for any of them.
const maxCallsPerThread = 32;
