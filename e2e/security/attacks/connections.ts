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
import type { Attack, Counter } from "../attack.js";
import { concurrently } from "../support/concurrently.js";
import {
  beginning,
  callHeaders,
  endHeaders,
  endStream,
  frameType,
  headerBlock,
  http2Frame,
} from "../wire/http2-frames.js";

/** Connections by the thousand that say nothing, or begin and do not go on. */
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

/** Those who send a byte at a time, or take none of what is sent to them: hundreds at once. */
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

/** Until the service ends it, which it must do before it is whole. */
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

/** Asks for much in one go, takes nothing, and must not keep the service from others. */
async function readNothing(address: Address, counter: Counter): Promise<void> {
  const socket = await open(address);
  socket.pause();
  socket.write(greedyCall);
  const isEnded = await endOf(socket, slowMs);
  socket.destroy();
  if (isEnded) counter.rejected();
  else counter.answered();
}

/** Whether the other side ends a connection in time; it is over then anyway. */
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

/** A request of either version, and an HTTP/2 preface, of which no caller waits for the end. */
const slowRequests = [
  Buffer.from(`${post}X: ${"y".repeat(10_000)}\r\n\r\n`),
  Buffer.concat([beginning.subarray(0, 23), Buffer.alloc(10_000)]),
];

/** Charges of more bytes than a connection's window has. */
const allocation = create(AllocateChargesRequestSchema, {
  ...{ chargeType: "completion", provider: "openai", model: "gpt-4o" },
  ...{ providerCost: "1000", currencyCode: "USD" },
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
/** The time for headers, or for a sign of life, and some more. */
const slowMs = 20_000;
