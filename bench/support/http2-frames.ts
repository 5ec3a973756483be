import { connect, type Socket } from "node:net";

/** Makes calls over one connection. `call` returns the response message as bytes. */
export type FrameCaller = {
  readonly call: () => Promise<Buffer>;
  readonly close: () => void;
};

/**
 * Opens a connection that repeats a gRPC call with raw HTTP/2 frames (RFC 9113). An ordinary client on
 * Node.js needs as much time per call as a server, and would limit the measurement.
 */
export function openFrameCaller(port: number, path: string, message: Buffer): FrameCaller {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const waiting = new Map<number, Waiting>();
  const fail = (error: Error) => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("the server closed the connection")));
  socket.on(
    "data",
    readFrames((frame) => onFrame(frame, socket, waiting, fail)),
  );
  socket.write(
    Buffer.concat([
      preface,
      toFrame(settings, 0, 0),
      toFrame(windowUpdate, 0, 0, maxWindowIncrement),
    ]),
  );
  const headers = toHeaderBlock({ ":path": path, ...fixedHeaders });
  let nextStream = 1;
  let unsent: Buffer[] = [];
  const send = () => {
    socket.write(Buffer.concat(unsent));
    unsent = [];
  };
  return {
    call: () =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new Error("the connection is closed"));
        const stream = nextStream;
        nextStream += 2;
        waiting.set(stream, { resolve, reject, data: [] });
        if (unsent.length === 0) setImmediate(send);
        unsent.push(toFrame(headersFrame, endHeaders, stream, headers));
        unsent.push(toFrame(dataFrame, endStream, stream, message));
      }),
    close: () => socket.destroy(),
  };
}

type Waiting = {
  readonly resolve: (response: Buffer) => void;
  readonly reject: (error: Error) => void;
  readonly data: Buffer[];
};

type Frame = {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
};

function onFrame(
  { type, flags, stream, payload }: Frame,
  socket: Socket,
  waiting: Map<number, Waiting>,
  fail: (error: Error) => void,
): void {
  const call = waiting.get(stream);
  if (type === settings && (flags & ack) === 0) socket.write(toFrame(settings, ack, 0));
  else if (type === ping && (flags & ack) === 0) socket.write(toFrame(ping, ack, 0, payload));
  else if (type === goAway) fail(new Error("the server sent GOAWAY"));
  else if (type === resetStream) {
    waiting.delete(stream);
    call?.reject(new Error(`the server reset a call: ${payload.readUInt32BE(0)}`));
  } else if (type === dataFrame) call?.data.push(payload);
  if ((type === dataFrame || type === headersFrame) && (flags & endStream) !== 0) {
    waiting.delete(stream);
    call?.resolve(Buffer.concat(call.data));
  }
}

function readFrames(onEach: (frame: Frame) => void): (chunk: Buffer) => void {
  let rest: Buffer = noPayload;
  return (chunk) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const end = 9 + bytes.readUIntBE(0, 3);
      const [type = 0, flags = 0] = bytes.subarray(3, 5);
      onEach({ type, flags, stream: bytes.readUInt32BE(5), payload: bytes.subarray(9, end) });
      bytes = bytes.subarray(end);
    }
    rest = bytes;
  };
}

function toFrame(type: number, flags: number, stream: number, payload: Buffer = noPayload): Buffer {
  const frame = Buffer.allocUnsafe(9 + payload.length);
  frame.writeUIntBE(payload.length, 0, 3);
  frame.writeUInt8(type, 3);
  frame.writeUInt8(flags, 4);
  frame.writeUInt32BE(stream, 5);
  payload.copy(frame, 9);
  return frame;
}

/**
 * Encodes headers as literals without indexing and with new names (RFC 7541, section 6.2.2). Each
 * name and value is shorter than 127 bytes.
 */
function toHeaderBlock(headers: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(headers).flatMap(([name, value]) => [
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
  return Buffer.concat(parts);
}

const fixedHeaders = {
  ...{ ":method": "POST", ":scheme": "http", ":authority": "127.0.0.1" },
  ...{ "content-type": "application/grpc+proto", te: "trailers" },
};
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const noPayload = Buffer.alloc(0);
/** The increment of the connection's flow-control window: more than any server sends. */
const maxWindowIncrement = Buffer.from([0x7f, 0xff, 0, 0]);
const [dataFrame, headersFrame, resetStream, settings] = [0, 1, 3, 4];
const [ping, goAway, windowUpdate] = [6, 7, 8];
const [ack, endStream, endHeaders] = [1, 1, 4];
