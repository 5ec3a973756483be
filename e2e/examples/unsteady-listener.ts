import { once } from "node:events";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import type { BenchedService } from "../../bench/support/service.js";

/** Answers UNAVAILABLE at first, like a replica that restarts, then forwards to the service. */
export type UnsteadyListener = {
  readonly address: string;
  /** Answers UNAVAILABLE to the next `calls` calls. */
  readonly rejectNext: (calls: number) => void;
  /** How many calls it still answers UNAVAILABLE to. */
  readonly rejectionsLeft: () => number;
  readonly close: () => void;
};

/** Opens it in front of a service: gRPC calls go to its gRPC address, others to its HTTP address. */
export async function openUnsteadyListener(service: BenchedService): Promise<UnsteadyListener> {
  let rejectionsLeft = 0;
  const server = http2.createServer();
  server.on("stream", (call, headers) => {
    const isGrpc = headers["content-type"]?.startsWith("application/grpc") ?? false;
    if (rejectionsLeft === 0) {
      return forward(call, headers, isGrpc ? service.grpcAddress : service.httpAddress);
    }
    rejectionsLeft -= 1;
    call.resume();
    call.respond(isGrpc ? unavailableInGrpc : { ":status": 503 }, { endStream: true });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    rejectNext: (calls) => {
      rejectionsLeft = calls;
    },
    rejectionsLeft: () => rejectionsLeft,
    close: () => server.close(),
  };
}

const unavailableInGrpc = {
  ":status": 200,
  "content-type": "application/grpc",
  "grpc-status": "14",
  "grpc-message": "not ready",
};

/** Forwards a call on a connection of its own: the service closes connections that are long without a call. */
function forward(
  call: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  address: string,
): void {
  const session = http2.connect(`http://${address}`);
  session.on("error", () => call.close(http2.constants.NGHTTP2_CANCEL));
  const forwarded = session.request(headers);
  forwarded.on("close", () => session.close());
  let trailers: http2.IncomingHttpHeaders = {};
  forwarded.on("trailers", (received: http2.IncomingHttpHeaders) => {
    trailers = received;
  });
  forwarded.on("response", (answered) => {
    call.respond(answered, { waitForTrailers: true });
    call.on("wantTrailers", () => call.sendTrailers(trailers));
    forwarded.pipe(call);
  });
  forwarded.on("error", () => call.close(http2.constants.NGHTTP2_CANCEL));
  call.on("error", () => forwarded.close(http2.constants.NGHTTP2_CANCEL));
  call.pipe(forwarded);
}
