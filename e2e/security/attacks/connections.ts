import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import type { Address } from "../../../src/config/address.js";
import {
  AllocateChargesRequestSchema,
  PricingService,
} from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { toFrame } from "../../../src/server/connect/error-response.js";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import {
  beginning,
  callHeaders,
  endHeaders,
  endStream,
  frameType,
  headerBlock,
  http2Frame,
} from "../../support/http2-frames.js";
import type { Attack, Counter } from "../attack.js";
import { concurrently } from "../support/concurrently.js";

/** Thousands of connections that send nothing, or an incomplete request. */
export const connectionsAttack: Attack = {
  name: "connections",
  writes: "none",
  run: async ({ grpc, http, ops, scaled }, counter) => {
    for (const address of [grpc, http, ops]) {
      const sockets: Socket[] = [];
      await concurrently(scaled(connectionsPerListener), 50, async (index) => {
        const socket = await open(address);
        socket.write(beginnings[index % beginnings.length] ?? "");
        sockets.push(socket);
      });
      counter.rejected(sockets.length);
      for (const socket of sockets) socket.destroy();
    }
  },
};

/** Hundreds of clients at once that send one byte at a time, or never read. */
export const slowAttack: Attack = {
  name: "slow",
  writes: "none",
  run: async ({ grpc, http }, counter) => {
    const senders = [http, grpc].flatMap((address) =>
      slowRequests.flatMap((bytes) =>
        Array.from({ length: callersEach }, () => sendSlowly(address, bytes, counter)),
      ),
    );
    const readers = [http, grpc].flatMap((address) =>
      Array.from({ length: callersEach }, () => readNothing(address, counter)),
    );
    await Promise.all([...senders, ...readers]);
  },
};

async function open({ host, port }: Address): Promise<Socket> {
  const socket = connect(port, host);
  socket.on("error", () => {});
  await Promise.race([once(socket, "connect"), once(socket, "close")]);
  return socket;
}

/** Sends a request slowly. The service must close the connection before the request is complete. */
async function sendSlowly(address: Address, bytes: Buffer, counter: Counter): Promise<void> {
  const socket = await open(address);
  let sent = 0;
  const timer = setInterval(() => {
    socket.write(bytes.subarray(sent, sent + 1));
    sent += 1;
  }, byteMs);
  const isEnded = await endOf(socket, slowMs);
  clearInterval(timer);
  if (isEnded) counter.rejected();
  else
    counter.other(`a connection was kept for ${slowMs} ms at a byte in ${byteMs} ms`, `${bytes}`);
}

/** Requests a large response and never reads it, which must not slow down other calls. */
async function readNothing(address: Address, counter: Counter): Promise<void> {
  const socket = await open(address);
  socket.pause();
  socket.write(greedyCall);
  const isEnded = await endOf(socket, slowMs);
  socket.destroy();
  if (isEnded) counter.rejected();
  else counter.answered();
}

/** Returns whether the other side closes a connection in time, and closes it in any case. */
async function endOf(socket: Socket, limitMs: number): Promise<boolean> {
  const ended = new Promise<boolean>((resolve) => {
    for (const event of ["end", "close"]) socket.once(event, () => resolve(true));
    setTimeout(() => resolve(false), limitMs).unref();
  });
  if (!socket.isPaused()) socket.resume();
  const isEnded = await ended;
  socket.destroy();
  return isEnded;
}

const { allocateCharges, listLLMPrices, streamAllocateCharges } = PricingService.method;
const stream = headerBlock(callHeaders(pathOf(streamAllocateCharges)));
const mostOfFrame = 16_384;
const post = `POST ${pathOf(listLLMPrices)} HTTP/1.1\r\nHost: localhost\r\n`;

const beginnings: readonly (string | Buffer)[] = [
  "",
  beginning.subarray(0, 20),
  beginning,
  Buffer.concat([beginning, http2Frame(frameType.headers, endHeaders, 1, stream)]),
  post,
  `${post}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
];

/** An HTTP/1.1 request and an HTTP/2 preface that never end. */
const slowRequests = [
  Buffer.from(`${post}X: ${"y".repeat(10_000)}\r\n\r\n`),
  Buffer.concat([beginning.subarray(0, 23), Buffer.alloc(10_000)]),
];

/** A request whose response is larger than the window of a connection. */
const allocation = create(AllocateChargesRequestSchema, {
  terms: {
    ...{ chargeType: "completion", provider: "openai", model: "gpt-4o" },
    ...{ providerCost: "1000", currencyCode: "USD" },
  },
  accountUsages: Array.from({ length: 3000 }, (_, index) => ({
    accountId: String(index),
    usage: "1",
  })),
});
const frames = Buffer.from(toFrame(0, toBinary(AllocateChargesRequestSchema, allocation)));
const greedyCall = Buffer.concat([
  beginning,
  http2Frame(frameType.headers, endHeaders, 1, headerBlock(callHeaders(pathOf(allocateCharges)))),
  ...Array.from({ length: Math.ceil(frames.length / mostOfFrame) }, (_, index) =>
    http2Frame(frameType.data, 0, 1, frames.subarray(index * mostOfFrame).subarray(0, mostOfFrame)),
  ),
  http2Frame(frameType.data, endStream, 1),
]);

const connectionsPerListener = 1000;
const callersEach = 60;
const byteMs = 100;
/** More than the timeouts for headers and for inactive connections. */
const slowMs = 20_000;
