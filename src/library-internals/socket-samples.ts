import { once } from "node:events";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createConnectionPair } from "./in-memory-connection.js";

/** Makes a session of HTTP/2 on a connection within the process. */
export function makeHttp2Session(): {
  readonly http2Session: ServerHttp2Session;
  readonly isSessionMadeAtOnce: boolean;
} {
  const [, connection] = createConnectionPair();
  const server = createHttp2Server();
  let made: ServerHttp2Session | undefined;
  server.on("session", (session) => {
    made = session;
  });
  server.emit("connection", connection);
  const isSessionMadeAtOnce = made !== undefined;
  // Without one there is nothing to be found in it, which is what its probes say.
  return { http2Session: made ?? placeholder, isSessionMadeAtOnce };
}

const placeholder = { destroy: () => {} } as ServerHttp2Session;

/** Connects to itself. Undefined where that cannot be done. */
export async function openLoopbackSocket(): Promise<Socket | undefined> {
  // Ends when the other end does.
  const server = createServer((socket) => socket.on("error", () => {}));
  try {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    return socket;
  } catch {
    return undefined;
  } finally {
    server.close();
  }
}
