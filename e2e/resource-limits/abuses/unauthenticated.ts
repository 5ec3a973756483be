import { setTimeout as sleep } from "node:timers/promises";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
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
import { type Abuse, maxConnections } from "../abuse.js";
import { hold, send, sendRepeatedly, withConnections } from "../abuser/raw-connections.js";

/** Abuses by callers without a token. */
export const unauthenticatedAbuses: readonly Abuse[] = [
  {
    name: "large-headers",
    what: "calls with 15 KiB of headers that never end, and headers that never end",
    run: (context) => {
      const unendedCalls = withBothListeners(context, 30, (socket) =>
        openCalls((bytes) => send(socket, bytes), largeHeaders, 0, 20),
      );
      const unendedHeaders = withBothListeners(context, 10, async (socket) => {
        await send(socket, beginning).catch(() => {});
        const first = http2Frame(frameType.headers, 0, 1, callBlock);
        await send(socket, first).catch(() => {});
        await sendRepeatedly(() => send(socket, continuation));
      });
      return Promise.all([unendedCalls, unendedHeaders]);
    },
  },
  {
    name: "http1-bodies",
    what: "HTTP/1.1 calls with bodies that nobody reads, and with slow bodies",
    run: (context) => {
      const large = withConnections(context, context.http, 30, (socket) =>
        sendRepeatedly(() => send(socket, unreadRequest)),
      );
      const slow = withConnections(context, context.http, 200, (socket) =>
        sendRepeatedly(async (round) => {
          await send(socket, round === 0 ? slowRequest : "1\r\n{\r\n");
          await sleep(100);
        }),
      );
      const unsent = withConnections(context, context.http, 100, async (socket) => {
        await send(socket, slowRequest).catch(() => {});
        await hold(socket);
      });
      return Promise.all([large, slow, unsent]);
    },
  },
  {
    name: "wrong-tokens",
    what: "complete calls with a wrong token of 8 KiB, as fast as possible",
    run: (context) => {
      const token: [string, string] = ["authorization", `Bearer ${"x".repeat(8000)}`];
      const block = headerBlock([...callHeaders(path), token]);
      return withBothListeners(context, 10, (socket) =>
        openCalls((bytes) => send(socket, bytes), block, endStream, 20),
      );
    },
  },
  {
    name: "connections",
    what: "connections that are closed at once, and as many as the service keeps that send nothing",
    run: (context) => {
      const short = withBothListeners(context, 20, async () => {});
      const silent = withBothListeners(context, 1000, hold);
      return Promise.all([short, silent]);
    },
  },
  {
    name: "held-connections",
    what: "more connections from one address than the service accepts, that send nothing",
    run: (context) => {
      const from = { localAddress: "127.0.0.2" };
      return Promise.all(
        [context.grpc, context.http].map((address) =>
          withConnections(
            context,
            { ...address, ...from },
            maxConnections + 100,
            async (socket) => {
              await hold(socket);
              // Those above the limit are closed at once, and try again later.
              await sleep(1000);
            },
          ),
        ),
      );
    },
  },
];

type Context = Parameters<Abuse["run"]>[0];
type Converse = Parameters<typeof withConnections>[3];

export function withBothListeners(context: Context, connections: number, converse: Converse) {
  return Promise.all([
    withConnections(context, context.grpc, connections, converse),
    withConnections(context, context.http, connections, converse),
  ]);
}

/** Opens calls over a connection, `together` in one write. `flags` may end each. */
async function openCalls(
  write: (bytes: Buffer) => Promise<void>,
  block: Buffer,
  flags: number,
  together: number,
): Promise<void> {
  await write(beginning).catch(() => {});
  await sendRepeatedly((round) => {
    const calls = Array.from({ length: together }, (_, i) => {
      const stream = 2 * (round * together + i) + 1;
      return http2Frame(frameType.headers, endHeaders | flags, stream, block);
    });
    return write(Buffer.concat(calls));
  });
}

const path = pathOf(PricingService.method.calculateCharge);
const callBlock = headerBlock(callHeaders(path));
const largeHeaders = headerBlock([...callHeaders(path), ["x", "y".repeat(15_000)]]);
const continuation = http2Frame(
  frameType.continuation,
  0,
  1,
  headerBlock([["x-more", "y".repeat(15_000)]]),
);
const post = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
const unreadBytes = 4_000_000;
const unreadRequest = Buffer.from(
  `${post}Content-Length: ${unreadBytes}\r\n\r\n${" ".repeat(unreadBytes)}`,
);
const slowRequest = `${post}Transfer-Encoding: chunked\r\n\r\n`;
