import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import {
  beginning,
  callHeaders,
  endHeaders,
  endStream,
  http2Frame as frame,
  headerBlock,
  readHttp2Frames,
  frameType as type,
} from "../../support/http2-frames.js";
import type { Attack, Counter } from "../attack.js";
import { concurrently } from "../support/concurrently.js";
import type { Random } from "../support/random.js";
import { talk } from "../wire/socket.js";

/** Frames that violate HTTP/2, and floods of valid frames. */
export const http2FramesAttack: Attack = {
  name: "http2-frames",
  writes: "none",
  run: async ({ grpc, http, scaled }, counter, random) => {
    const names = Object.keys(connections);
    await concurrently(
      names.length * Math.max(2, scaled(timesEach)),
      concurrency,
      async (index) => {
        const name = names[index % names.length] as string;
        const bytes = connections[name]?.(random) ?? Buffer.alloc(0);
        const address = index % 2 === 0 ? grpc : http;
        const received = await talk(address, bytes, quietMs, (so) => isRejected(so));
        judge(counter, name, bytes, received.bytes, received.isClosed);
      },
    );
  },
};

function judge(
  counter: Counter,
  name: string,
  sent: Buffer,
  received: Buffer,
  isClosed: boolean,
): void {
  const frames = readHttp2Frames(received);
  const isFailure = ({ type: kind, payload }: (typeof frames)[number]) =>
    kind === type.headers && payload[0] === indexOfStatus500;
  if (frames.some(isFailure)) counter.other(`${name}: HTTP 500`, sent.toString("hex"));
  else if (isClosed || isRejected(received) || frames.length <= framesOfPreface) counter.rejected();
  else counter.answered();
}

/** Returns whether the connection or a stream was closed, or HTTP/1.1 returned an error. */
function isRejected(received: Buffer): boolean {
  if (received.toString("latin1", 0, 9) === "HTTP/1.1 ") return true;
  const kinds: readonly number[] = [type.goAway, type.reset];
  return readHttp2Frames(received).some((each) => kinds.includes(each.type));
}

const call = headerBlock(callHeaders(pathOf(PricingService.method.calculateCharge)));
const open = frame(type.headers, endHeaders, 1, call);
const after = (...frames: readonly Buffer[]) => Buffer.concat([beginning, ...frames]);
const flood = (count: number, make: (index: number) => Buffer) =>
  after(...Array.from({ length: count }, (_, index) => make(index)));
const setting = (id: number, value: number) => {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(id, 0);
  payload.writeUInt32BE(value, 2);
  return after(frame(type.settings, 0, 0, payload));
};
const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const headers = (block: Buffer) => after(frame(type.headers, endHeaders | endStream, 1, block));
const withHeader = (name: string, value: string) =>
  headers(Buffer.concat([call, headerBlock([[name, value]])]));

const connections: Readonly<Record<string, (random: Random) => Buffer>> = {
  "no preface": (random) => random.bytes(random.integer(1, 200)),
  "a preface with a wrong end": () => Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\rX".padEnd(80)),
  "a part of the preface": (random) => beginning.subarray(0, random.integer(1, 23)),
  "a preface, then junk": (random) => Buffer.concat([beginning.subarray(0, 24), random.bytes(200)]),
  "any frames": (random) =>
    after(
      ...Array.from({ length: random.integer(1, 20) }, () =>
        frame(
          random.integer(0, 12),
          random.integer(0, 255),
          random.pick([0, 1, 2, 3, 0x7fffffff, 0xffffffff]),
          random.bytes(random.integer(0, 60)),
        ),
      ),
    ),
  "any frames of an open call": (random) =>
    after(
      open,
      frame(random.integer(0, 9), random.integer(0, 255), 1, random.bytes(random.integer(0, 60))),
    ),
  "a frame larger than allowed": (random) =>
    after(open, frame(type.data, 0, 1, Buffer.alloc(20_000), random.pick([16_385, 0xffffff]))),
  "a frame that does not come": () => after(open, frame(type.data, 0, 1, Buffer.alloc(10), 16_000)),
  "continuations without end": () =>
    flood(1000, (index) =>
      index === 0
        ? frame(type.headers, 0, 1, call)
        : frame(type.continuation, 0, 1, headerBlock([["x", "y".repeat(2000)]])),
    ),
  "empty continuations": () =>
    flood(5000, (index) => frame(index === 0 ? type.headers : type.continuation, 0, 1)),
  "a continuation of nothing": () => after(frame(type.continuation, endHeaders, 1, call)),
  "a flood of settings": () => flood(10_000, () => frame(type.settings, 0, 0)),
  "a flood of pings": () => flood(10_000, () => frame(type.ping, 0, 0, Buffer.alloc(8))),
  "a flood of priorities": () =>
    flood(10_000, (index) => frame(type.priority, 0, 2 * index + 1, Buffer.alloc(5))),
  "a flood of empty data": () =>
    flood(10_000, (index) => (index === 0 ? open : frame(type.data, 0, 1))),
  "a flood of window updates": () => flood(10_000, () => frame(type.windowUpdate, 0, 0, uint32(1))),
  "a ping of another length": () => after(frame(type.ping, 0, 0, Buffer.alloc(7))),
  "settings of another length": () => after(frame(type.settings, 0, 0, Buffer.alloc(5))),
  "settings of a stream": () => after(frame(type.settings, 0, 1)),
  "an acknowledgement with settings": () => after(frame(type.settings, 1, 0, Buffer.alloc(6))),
  "a window larger than allowed": () => setting(4, 0x80000000),
  "no window": () => Buffer.concat([setting(4, 0), open]),
  "a frame size of 0": () => setting(5, 0),
  "a table of headers of 4 GiB": () => setting(1, 0xffffffff),
  "push for a server": () => setting(2, 2),
  "a window that overflows": () =>
    after(...[1, 2].map(() => frame(type.windowUpdate, 0, 0, uint32(0x7fffffff)))),
  "a window update of 0": () => after(open, frame(type.windowUpdate, 0, 1, uint32(0))),
  "data of no stream": () => after(frame(type.data, 0, 0, Buffer.alloc(5))),
  "data of a stream that is not open": () => after(frame(type.data, 0, 7, Buffer.alloc(5))),
  "data with more padding than data": () =>
    after(open, frame(type.data, 8, 1, Buffer.from([200, 1, 2]))),
  "data after the end": () =>
    after(frame(type.headers, endHeaders | endStream, 1, call), frame(type.data, 0, 1)),
  "an even stream": () => after(frame(type.headers, endHeaders, 2, call)),
  "a stream that goes back": () => after(frame(type.headers, endHeaders, 5, call), open),
  "a stream that depends on itself": () =>
    after(
      frame(type.headers, endHeaders | 0x20, 1, Buffer.concat([uint32(1), Buffer.from([0]), call])),
    ),
  "a push promise": () => after(open, frame(type.pushPromise, endHeaders, 1, uint32(2))),
  "a going away, then a call": () => after(frame(type.goAway, 0, 0, Buffer.alloc(8)), open),
  "headers that are junk": (random) => headers(random.bytes(random.integer(1, 100))),
  "headers of an index that is none": () => headers(Buffer.from("ffffffff0f", "hex")),
  "headers of index 0": () => headers(Buffer.from("80", "hex")),
  "headers with an endless number": () => headers(Buffer.alloc(200, 0xff)),
  "a table that grows": () => headers(Buffer.from("3fffffffff07", "hex")),
  "the same header, large and by its index": () =>
    headers(
      Buffer.concat([
        Buffer.from("4001787fa11e", "hex"),
        Buffer.alloc(4000, "y"),
        Buffer.alloc(15_000, 0xbe),
      ]),
    ),
  "no pseudo-headers": () => headers(headerBlock([["x", "y"]])),
  "a path twice": () => withHeader(":path", "/"),
  "an unknown pseudo-header": () => withHeader(":x", "y"),
  "a name in capitals": () => withHeader("X-Y", "z"),
  "a name of nothing": () => withHeader("", "z"),
  "a value with a line feed": () => withHeader("x", "y\r\nz: 1"),
  "a value with a zero": () => withHeader("x", "y\0"),
  "a connection header": () => withHeader("connection", "close"),
  "a wrong content-length": () => withHeader("content-length", "77"),
  "a path that is none": (random) =>
    headers(headerBlock(callHeaders(random.pick(["", "*", "x", "/\0", "/é\x80", "//", "/\x7f"])))),
};

const indexOfStatus500 = 0x8e;
/** The frames that a server sends first: SETTINGS, its acknowledgement and WINDOW_UPDATE. */
const framesOfPreface = 3;
const timesEach = 8;
const concurrency = 40;
const quietMs = 300;
