import { type RequestListener, type Server, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { closeGracefully, findOpenResponse } from "./http1-response.js";

/**
 * Calls `listener` with the requests of a server whose responses are `Http1Response`s. The listener
 * sends 100 (Continue) when it needs the body; Node would send it to every request that expects it.
 */
export function handleHttp1(server: Server, listener: RequestListener): void {
  server.on("request", listener);
  server.on("checkContinue", listener);
  server.on("clientError", (error, socket) => rejectUnreadable(error, socket as Socket));
}

/**
 * Answers a request that cannot be parsed, or whose headers are late, as Node does. Node would also
 * close the socket at once, and a client that is still sending could lose the response.
 */
function rejectUnreadable({ code = "" }: NodeJS.ErrnoException, socket: Socket): void {
  const isOfRequest = code.startsWith("HPE_") || code === "ERR_HTTP_REQUEST_TIMEOUT";
  const response = findOpenResponse(socket);
  if (!isOfRequest || !socket.writable || response?.headersSent) {
    socket.destroy();
    return;
  }
  const status = statuses[code] ?? 400;
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
  // A running call ends when its connection does.
  if (response === undefined) closeGracefully(socket);
  else socket.destroy();
}

const statuses: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};
