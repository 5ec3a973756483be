import { once } from "node:events";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createConnectionPair } from "./in-memory-connection.js";

/** Creates an HTTP/2 session on a connection within this process. */
export function makeHttp2Session(): {
  readonly http2Session: ServerHttp2Session;
  readonly isSessionCreatedSynchronously: boolean;
} {
  const [, connection] = createConnectionPair();
  const server = createHttp2Server();
  let created: ServerHttp2Session | undefined;
  server.on("session", (session) => {
    created = session;
  });
  server.emit("connection", connection);
  const isSessionCreatedSynchronously = created !== undefined;
  // The placeholder has none of the fields, so the probes of a session report them as missing.
  return { http2Session: created ?? placeholder, isSessionCreatedSynchronously };
}

const placeholder = { destroy: () => {} } as ServerHttp2Session;

/** Returns a socket that is connected to this process, or undefined if that fails. */
export async function openLoopbackSocket(): Promise<Socket | undefined> {
  // The accepted socket closes when the returned one does.
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
