import type { UniversalHandlerFn } from "@connectrpc/connect/protocol";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import { toErrorResponse } from "../connect/error-response.js";
import type { ThreadPool } from "../threads/thread-pool.js";

/**
 * Returns a handler that serves calls of any of Connect's protocols in a worker thread. It passes
 * HTTP/1.1 calls as HTTP/2, because Connect rejects bidirectional streams over HTTP/1.1, where
 * responses can only follow the last request. All streams of this service respond in that order.
 */
export function toOffloadedHandler(threads: ThreadPool): UniversalHandlerFn {
  return async (request) => {
    const body = request.body as AsyncIterable<Uint8Array>;
    try {
      return await threads.serve({ ...request, body, httpVersion: "2.0" });
    } catch (error) {
      return toErrorResponse(request.header, toConnectError(error));
    }
  };
}
