import * as grpc from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { type Address, formatAddress } from "../../config/address.js";
import { serviceNames } from "../calls/service-names.js";
import { type ConnectionTracker, trackConnections } from "../connections/connection-tracker.js";
import { type Listener, type ListenerDependencies, longestCallMs } from "../listener.js";
import { createAuthInterceptor } from "./auth-interceptor.js";
import { addConnectService } from "./connect-bridge.js";
import { toCredentials } from "./credentials.js";
import { type CurrentHeaders, limitGrpcServer, plainHeaders } from "./http2-overrides.js";
import { PathKeepingServer } from "./path-keeping-server.js";
import { addReflection } from "./reflection.js";
import { serveUnaryCalls, type UnaryCalls } from "./unary-interceptor.js";

export type GrpcServer = Listener & {
  /** What the health service answers, for the server and for each service. */
  readonly setHealth: (isServing: boolean) => void;
};

/** Opens the door for native gRPC, with reflection and health. Health begins as NOT_SERVING. */
export async function startGrpcServer(
  address: Address,
  { mountServices, threads, authorizer, limits, callLog, log, tls }: ListenerDependencies,
): Promise<GrpcServer> {
  // It would tell of headers that it cannot read, with their values, beside the log: tokens as well.
  grpc.setLogVerbosity(grpc.logVerbosity.NONE);
  const unaryCalls: UnaryCalls = new Map();
  const current: CurrentHeaders = { headers: plainHeaders };
  const { maxMessageBytes, maxCallTimeoutMs: messageLimitMs } = limits;
  const currentHeaders = () => current.headers;
  const server = new PathKeepingServer({
    // Counts all calls and messages, for a service that is not served.
    "grpc.enable_channelz": 0,
    "grpc.max_receive_message_length": maxMessageBytes,
    interceptors: [
      createAuthInterceptor({
        authorizer,
        messageLimitMs,
        callLog,
        maxMessageBytes,
        currentHeaders,
      }),
      serveUnaryCalls(unaryCalls),
    ],
  });
  const open = trackConnections();
  const limitConnections = () =>
    limitGrpcServer(server, current, {
      ...{ limits: limits.connections, longestMs: longestCallMs(limits), open, callLog, log },
      paths: server.paths,
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
        // Before any connection comes.
        onListening();
        resolve(port);
      } catch (failure) {
        server.forceShutdown();
        reject(failure);
      }
    });
  });
}

function close(server: grpc.Server, open: ConnectionTracker, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const force = () => {
      server.forceShutdown();
      // Without channelz it knows of no connection.
      open.cancelCalls();
      // Who does not read, or has not come to the end of a handshake, is there still.
      timer = setTimeout(() => {
        open.destroyAll();
        timer = setTimeout(resolve, forcedMs);
      }, forcedMs);
    };
    let timer = setTimeout(force, graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
    open.endIdleConnections();
  });
}

/** How long connections that are cut off may take to be gone. */
const forcedMs = 500;
