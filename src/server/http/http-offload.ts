import type { UniversalHandlerFn } from "@connectrpc/connect/protocol";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import { toErrorAnswer } from "../connect/error-response.js";
import type { ThreadPool } from "../threads/thread-pool.js";

/**
 * Has a thread serve a call of any of Connect's protocols. Over HTTP/1.1, too, where a stream's
 * answers come after its last request: so they do in all our streams.
 */
export function toOffloadedHandler(threads: ThreadPool): UniversalHandlerFn {
  return async (request) => {
    const body = request.body as AsyncIterable<Uint8Array>;
    try {
      return await threads.serve({ ...request, body, httpVersion: "2.0" });
    } catch (error) {
      return toErrorAnswer(request.header, toConnectError(error));
    }
  };
}
