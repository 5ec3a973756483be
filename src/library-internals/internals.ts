import {
  findDescriptor,
  findHttp2Servers,
  findOwnListener,
  findPgSocket,
  findPool,
  findReadState,
  findStreamTable,
} from "./private-fields.js";
import type { Samples } from "./samples.js";

/** A private field or an undocumented behaviour of a library, which we use. */
export type LibraryInternal = {
  readonly library: "@grpc/grpc-js" | "node" | "knex" | "pg" | "prom-client";
  readonly field: string;
  readonly usedIn: string;
  readonly benefit: string;
  /** What the service does when the field is missing: fails to start, or continues without it. */
  readonly ifMissing: "fail to start" | { readonly fallBack: string };
  /** The only transport that needs the field. Undefined if both do. */
  readonly onlyWith?: "tls" | "plain text";
  /** Returns whether real objects of the library have the field. */
  readonly probe: (samples: Samples) => boolean;
};

/** All internals that we use. `check-internals.ts` checks them before any listener opens. */
export const libraryInternals: readonly LibraryInternal[] = [
  {
    library: "@grpc/grpc-js",
    field: "Server.http2Servers",
    usedIn: "server/grpc/http2-overrides.ts",
    benefit:
      "limits on connections and headers, a connection age that loses no calls, and our errors " +
      "for unknown methods and content types: grpc-js has no options for them",
    ifMissing: "fail to start",
    probe: ({ grpcServer }) => findHttp2Servers(grpcServer)?.length === 1,
  },
  {
    library: "@grpc/grpc-js",
    field: "the only 'stream' listener of each HTTP/2 server",
    usedIn: "server/grpc/http2-overrides.ts",
    benefit:
      "our code handles calls before grpc-js, which misreads malformed timeouts, ignores long " +
      "timeouts, and does not log unknown methods",
    ifMissing: "fail to start",
    probe: ({ grpcServer }) =>
      (findHttp2Servers(grpcServer) ?? []).every((http2) => findOwnListener(http2, "stream")),
  },
  {
    library: "@grpc/grpc-js",
    field: "interceptors are created while 'stream' is handled",
    usedIn: "server/grpc/error-interceptor.ts",
    benefit: "interceptors know the grpc-timeout and grpc-encoding that grpc-js removes",
    ifMissing: "fail to start",
    probe: ({ grpcCall }) => grpcCall.isInterceptedSynchronously,
  },
  {
    library: "@grpc/grpc-js",
    field: "errors of its own go through the sendStatus method of the innermost call",
    usedIn: "server/grpc/error-interceptor.ts",
    benefit: "its errors have our reasons and codes, and are counted and logged",
    ifMissing: { fallBack: "these errors keep grpc-js's codes and messages, and are not logged" },
    probe: ({ grpcCall }) => grpcCall.isOwnErrorIntercepted,
  },
  {
    library: "@grpc/grpc-js",
    field: "ServerCredentials.updateSecureContextOptions",
    usedIn: "server/grpc/credentials.ts",
    benefit: "a renewed certificate is used without a restart",
    ifMissing: "fail to start",
    onlyWith: "tls",
    probe: ({ grpcCredentials }) =>
      typeof (grpcCredentials as { updateSecureContextOptions?: unknown })
        .updateSecureContextOptions === "function",
  },
  {
    library: "node",
    field: "the only 'connection' listener of http.Server",
    usedIn: "server/http/http1-http2-port.ts",
    benefit: "HTTP/1.1 and HTTP/2 without TLS on one port",
    ifMissing: "fail to start",
    onlyWith: "plain text",
    probe: ({ httpServer }) => findOwnListener(httpServer, "connection") !== undefined,
  },
  {
    library: "node",
    field: "the only 'secureConnection' listener of https.Server",
    usedIn: "server/http/http1-http2-port.ts",
    benefit: "HTTP/1.1 and HTTP/2 with TLS on one port, each with the limits of its own server",
    ifMissing: "fail to start",
    onlyWith: "tls",
    probe: ({ httpsServer }) => findOwnListener(httpsServer, "secureConnection") !== undefined,
  },
  {
    library: "node",
    field: "the only 'connection', 'secureConnection' and 'stream' listeners of HTTP/2 servers",
    usedIn: "server/connections/http2-sessions.ts, connection-places.ts, start-in-turn.ts",
    benefit:
      "sessions and calls of unauthenticated clients start later, or never, so that they cannot " +
      "slow down other callers",
    ifMissing: "fail to start",
    probe: ({ http2Server, http2SecureServer }) =>
      ["connection", "stream"].every((event) => findOwnListener(http2Server, event)) &&
      ["connection", "secureConnection"].every((event) =>
        findOwnListener(http2SecureServer, event),
      ),
  },
  {
    library: "node",
    field: "Http2Session[Symbol(state)].streams",
    usedIn: "server/runtime-tuning/http2-stream-table.ts",
    benefit: "a tenth of a busy server's time: ended streams need no full garbage collection",
    ifMissing: { fallBack: "ended streams stay in memory until a full garbage collection" },
    probe: ({ http2Session }) => findStreamTable(http2Session)?.streams.size === 0,
  },
  {
    library: "node",
    field: "'session' is emitted while 'connection' is handled",
    usedIn: "server/connections/http2-sessions.ts",
    benefit:
      "the socket of each session is known: if its client does not read, it can be destroyed",
    ifMissing: { fallBack: "such a connection stays open until the operating system closes it" },
    probe: ({ isSessionCreatedSynchronously }) => isSessionCreatedSynchronously,
  },
  {
    library: "node",
    field: "net.Socket._handle.fd and .writeQueueSize",
    usedIn: "server/connections/graceful-goaway.ts",
    benefit:
      "clients that do not repeat calls lose none when a connection reaches its age: without it tonic " +
      "lost 306 of 16,983 calls and connect-node 167 of 5,296, with it both lost none",
    ifMissing: { fallBack: "Node's own GOAWAY, which drops calls that are on their way" },
    onlyWith: "plain text",
    probe: ({ openSocket }) => openSocket === undefined || findDescriptor(openSocket) !== undefined,
  },
  {
    library: "node",
    field: "Readable._readableState.highWaterMark",
    usedIn: "server/grpc/grpc-offload.ts",
    benefit: "a stream that waits has one message in memory, each of up to MAX_MESSAGE_BYTES",
    ifMissing: { fallBack: "grpc-js keeps up to 16 messages of each stream in memory" },
    probe: ({ readable }) => findReadState(readable) !== undefined,
  },
  {
    library: "knex",
    field: "client.pool: max, numUsed, numFree, numPendingAcquires, on",
    usedIn: "store/connection/pool.ts, tracing/database-spans.ts",
    benefit: "metrics of the connection pool, and spans of the wait for a connection",
    ifMissing: { fallBack: "these metrics stay 0, and these spans are missing" },
    probe: ({ knex }) => findPool(knex) !== undefined,
  },
  {
    library: "pg",
    field: "Client.connection.stream",
    usedIn: "store/connection/unresponsive-server.ts",
    benefit:
      "the statements of a server that does not respond fail at once as lost connections; end() " +
      "would send a message to that server first",
    ifMissing: { fallBack: "such statements fail when the system gives up the connection" },
    probe: ({ pgClient }) => findPgSocket(pgClient) !== undefined,
  },
  {
    library: "pg",
    field: "Client.processID",
    usedIn: "store/connection/session.ts",
    benefit: "a direct connection is known as such, and is not checked for a pooler",
    ifMissing: { fallBack: "each database is checked for a pooler with a second connection" },
    probe: ({ pgClient }) => "processID" in pgClient,
  },
  {
    library: "prom-client",
    field: "Registry reads name and get() of a registered metric",
    usedIn: "server/calls/call-metrics.ts",
    benefit: "counting a call takes less time than a search for its series by labels",
    ifMissing: "fail to start",
    probe: ({ exposition }) => exposition.includes('sample_bucket{le="1"} 2'),
  },
];
