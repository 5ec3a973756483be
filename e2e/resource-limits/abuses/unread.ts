import { setMaxListeners } from "node:events";
import { connect } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import type { DescMethod } from "@bufbuild/protobuf";
import { formatAddress } from "../../../src/config/address.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { toFrame } from "../../../src/server/connect/error-response.js";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import { type Abuse, type AbuseContext, repeatedly } from "../abuse.js";
import { accounts, allocation, allocationTerms, batch, largestPage } from "../abuser/messages.js";
import { hold, send, withConnections } from "../abuser/raw-connections.js";

const { allocateCharges, batchCalculateCharges, listLLMPrices, streamAllocateCharges } =
  PricingService.method;

/** Responses that are not read. */
export const unreadAbuses: readonly Abuse[] = [
  {
    name: "unread-responses",
    what: "batches, allocations, streams and lists whose responses are not read",
    run: (context) => {
      const framed = (...messages: readonly Buffer[]) =>
        Buffer.concat(messages.map((message) => toFrame(0, message)));
      const calls: readonly Call[] = [
        [batchCalculateCharges, framed(batch(10_000))],
        [allocateCharges, framed(allocation(50_000))],
        [streamAllocateCharges, framed(allocationTerms, accounts(0, 50_000, 30))],
        [listLLMPrices, framed(largestPage)],
      ];
      const { tokens, http } = context;
      const request = Buffer.from(
        `POST ${pathOf(listLLMPrices)} HTTP/1.1\r\nHost: localhost\r\n` +
          `Authorization: Bearer ${tokens.calculate}\r\nContent-Type: application/json\r\n` +
          `Content-Length: 17\r\n\r\n{"pageSize":1000}`,
      );
      const http1 = withConnections(context, http, 30, async (socket) => {
        socket.pause();
        await send(socket, Buffer.concat(Array.from({ length: 20 }, () => request)));
        await hold(socket);
      });
      return Promise.all([
        http1,
        neverRead(context, context.grpc, calls),
        neverRead(context, http, calls),
      ]);
    },
  },
];

type Call = readonly [method: DescMethod, body: Buffer];

/** Makes calls over HTTP/2 with flow-control windows that allow no byte of a response. */
function neverRead(
  { tokens, signal, count }: AbuseContext,
  address: AbuseContext["grpc"],
  calls: readonly Call[],
): Promise<void> {
  return repeatedly(4, signal, async () => {
    const session = connect(`http://${formatAddress(address)}`, {
      settings: { initialWindowSize: 0 },
    });
    const destroy = () => session.destroy();
    session.on("error", () => {});
    signal.addEventListener("abort", destroy);
    await repeatedly(32, sessionSignal(session, signal), (line) => {
      const [method, body] = calls[line % calls.length] as Call;
      return new Promise<void>((resolve) => {
        const stream = session.request({
          ...{ ":method": "POST", ":path": pathOf(method), te: "trailers" },
          ...{ "content-type": "application/grpc+proto" },
          authorization: `Bearer ${tokens.calculate}`,
        });
        stream.on("error", () => {});
        stream.on("close", () => {
          count(`closed with ${stream.rstCode}`);
          resolve();
        });
        stream.end(body);
      });
    });
    signal.removeEventListener("abort", destroy);
    session.destroy();
    await sleep(1);
  });
}

/** Returns a signal that aborts with the given one, or when the session is closed. */
function sessionSignal(session: ReturnType<typeof connect>, signal: AbortSignal): AbortSignal {
  const closed = new AbortController();
  setMaxListeners(0, closed.signal);
  session.on("close", () => closed.abort());
  session.on("goaway", () => closed.abort());
  signal.addEventListener("abort", () => closed.abort());
  return closed.signal;
}
