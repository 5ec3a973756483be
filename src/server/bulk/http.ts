import { Code, type ConnectError } from "@connectrpc/connect";
import type {
  UniversalHandlerFn,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { toConnectError } from "../../rpc/errors.js";
import type { BulkThreads } from "./threads.js";

/**
 * Has a thread serve a call of any of Connect's protocols. Over HTTP/1.1, too, where a stream's
 * answers come after its last request: so they do in all our streams.
 */
export function toBulkHandler(threads: BulkThreads): UniversalHandlerFn {
  return async (request) => {
    try {
      return await threads.serve({ ...request, body: bodyOf(request), httpVersion: "2.0" });
    } catch (error) {
      return toErrorResponse(toConnectError(error));
    }
  };
}

function bodyOf({ body }: UniversalServerRequest): AsyncIterable<Uint8Array> {
  return body as AsyncIterable<Uint8Array>;
}

/** Of a call that has not been read, so that its protocol is not known: the HTTP status tells all. */
function toErrorResponse(error: ConnectError): UniversalServerResponse {
  return {
    status: error.code === Code.ResourceExhausted ? 429 : 503,
    header: new Headers({ "content-type": "application/json" }),
    body: toIterable(errorToJsonBytes(error, undefined)),
  };
}

async function* toIterable(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
