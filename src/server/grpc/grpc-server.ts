import * as grpc from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { type Address, formatAddress } from "../../config/address.js";
import { serviceNames } from "../calls/service-names.js";
import { type ConnectionTracker, trackConnections } from "../connections/connection-tracker.js";
import { type Listener, type ListenerDependencies, longestCallMs } from "../listener.js";
import { createAuthInterceptor } from "./auth-interceptor.js";
import { addConnectService } from "./connect-bridge.js";
import { toCredentials } from "./credentials.js";
import { createErrorInterceptor } from "./error-interceptor.js";
import { limitGrpcServer } from "./http2-overrides.js";
import { addReflection } from "./reflection.js";
import { serveUnaryCalls, type UnaryCalls } from "./unary-interceptor.js";

export type GrpcServer = Listener & {
  /** What the health service answers, for the server and for each service. */
  readonly setHealth: (isServing: boolean) => void;
};

type GrpcServerDependencies = Omit<ListenerDependencies, "log">;

/** Opens the door for native gRPC, with reflection and health. Health begins as NOT_SERVING. */
export async function startGrpcServer(
  address: Address,
  {
    mountServices,
    threads,
    authorizer: admission,
    limits,
    callLog: observer,
    tls,
  }: GrpcServerDependencies,
): Promise<GrpcServer> {
  // It would tell of headers that it cannot read, with their values, beside the log: tokens as well.
  grpc.setLogVerbosity(grpc.logVerbosity.NONE);
  const unaryCalls: UnaryCalls = new Map();
  const server = new grpc.Server({
    // Counts all calls and messages, for a service that is not served.
    "grpc.enable_channelz": 0,
    "grpc.max_receive_message_length": limits.maxMessageBytes,
    interceptors: [
      createErrorInterceptor(observer),
      createAuthInterceptor(admission, limits.maxCallTimeoutMs),
      serveUnaryCalls(unaryCalls),
    ],
  });
  const open = trackConnections();
  const limitConnections = limitGrpcServer(server, {
    ...{ limits: limits.connections, longestMs: longestCallMs(limits), open, observer },
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
      // Before any connection comes.
      onListening();
      resolve(port);
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
    open.endThoseWithoutCall();
  });
}

/** How long connections that are cut off may take to be gone. */
const forcedMs = 500;
