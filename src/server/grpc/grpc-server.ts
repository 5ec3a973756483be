import * as grpc from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { type Address, formatAddress } from "../../config/address.js";
import { serviceNames } from "../calls/service-names.js";
import { ClientRecord } from "../connections/client-record.js";
import { type ConnectionTracker, trackConnections } from "../connections/connection-tracker.js";
import { type ClientListener, type ListenerDependencies, longestCallMs } from "../listener.js";
import { createAuthInterceptor } from "./auth-interceptor.js";
import { addConnectService } from "./connect-bridge.js";
import { toCredentials } from "./credentials.js";
import { type CurrentCall, defaultHeaders, limitGrpcServer } from "./http2-overrides.js";
import { PathKeepingServer } from "./path-keeping-server.js";
import { addReflection } from "./reflection.js";
import { serveUnaryCalls, type UnaryCalls } from "./unary-interceptor.js";

export type GrpcServer = ClientListener & {
  /** Sets the status that the health service reports for the server and for each service. */
  readonly setHealth: (isServing: boolean) => void;
};

/** Opens the listener for gRPC, with reflection and health. Health starts as NOT_SERVING. */
export async function startGrpcServer(
  address: Address,
  {
    mountServices,
    threads,
    authorizer,
    limits,
    queue,
    turns,
    callLog,
    log,
    tls,
  }: ListenerDependencies,
): Promise<GrpcServer> {
  // grpc-js would print invalid headers with their values, which may be tokens, outside our log.
  grpc.setLogVerbosity(grpc.logVerbosity.NONE);
  const unaryCalls: UnaryCalls = new Map();
  const current: CurrentCall = {
    ...{ headers: defaultHeaders, session: undefined },
    client: new ClientRecord(),
  };
  const { maxMessageBytes, maxCallTimeoutMs: messageTimeoutMs } = limits;
  const server = new PathKeepingServer({
    // Channelz would count all calls and messages, but this server has no Channelz service.
    "grpc.enable_channelz": 0,
    "grpc.max_receive_message_length": maxMessageBytes,
    interceptors: [
      createAuthInterceptor({
        authorizer,
        messageTimeoutMs,
        callLog,
        maxMessageBytes,
        current,
      }),
      serveUnaryCalls(unaryCalls),
    ],
  });
  const open = trackConnections();
  const limitConnections = () =>
    limitGrpcServer(server, current, {
      ...{ limits: limits.connections, longestMs: longestCallMs(limits), open, callLog, log },
      ...{ queue, turns, paths: server.paths, isEncrypted: tls !== undefined },
    });
  mountServices((service, implementation) =>
    addConnectService({ server, unaryCalls, threads }, service, implementation),
  );
  addReflection(server);
  const health = new HealthImplementation();
  const setHealth = (isServing: boolean) => {
    for (const name of ["", ...serviceNames]) {
      health.setStatus(name, isServing ? "SERVING" : "NOT_SERVING");
    }
  };
  setHealth(false);
  health.addToServer(server);
  const port = await listen(server, address, toCredentials(tls), limitConnections);
  return {
    address: { ...address, port },
    setHealth,
    stopAccepting: open.stopAccepting,
    close: (graceMs) => close(server, open, graceMs),
  };
}

function listen(
  server: grpc.Server,
  address: Address,
  credentials: grpc.ServerCredentials,
  onListening: () => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(formatAddress(address), credentials, (error, port) => {
      if (error) return reject(error);
      try {
        // Must run before the first connection.
        onListening();
        resolve(port);
      } catch (failure) {
        server.forceShutdown();
        reject(failure);
      }
    });
  });
}

async function close(server: grpc.Server, open: ConnectionTracker, graceMs: number): Promise<void> {
  const startedAtMs = performance.now();
  if (graceMs > 0) await open.drain(graceMs);
  const remainingMs = graceMs - (performance.now() - startedAtMs);
  return new Promise((resolve) => {
    const force = () => {
      server.forceShutdown();
      // Without Channelz, grpc-js does not track connections.
      open.cancelCalls();
      // Connections whose client does not read, or whose handshake is unfinished, are still open.
      timer = setTimeout(() => {
        open.destroyAll();
        timer = setTimeout(resolve, forcedCloseMs);
      }, forcedCloseMs);
    };
    let timer = setTimeout(force, remainingMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
    open.endIdleConnections();
  });
}

/** How long to wait after calls are cancelled, and again after connections are destroyed. */
const forcedCloseMs = 500;
