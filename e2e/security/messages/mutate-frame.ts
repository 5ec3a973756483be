import { gzipSync } from "node:zlib";
import { prefixLength, toFrame } from "../../../src/server/connect/error-response.js";
import type { Random } from "../support/random.js";

/** A frame that is not what it says, and headers that go with it. */
export type MutatedFrame = {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
};

/** Puts a message into a frame, or several, or a part of one, that breaks the rules of frames. */
export function mutateFrame(message: Buffer, random: Random): MutatedFrame {
  const frame = Buffer.from(toFrame(0, message));
  const plain = (body: Buffer) => ({ body, headers: {} });
  const compressed = (data: Buffer, headers: Readonly<Record<string, string>>) => ({
    body: Buffer.from(toFrame(1, data)),
    headers,
  });
  const gzip = { "grpc-encoding": "gzip", "connect-content-encoding": "gzip" };
  const zipped = gzipSync(message);
  return random.pick([
    () => plain(Buffer.from(toFrame(random.integer(2, 255), message))),
    () => plain(lieOfLength(frame, random)),
    () => plain(frame.subarray(0, random.integer(0, frame.length - 1))),
    () => plain(Buffer.concat([frame, frame])),
    () => plain(Buffer.concat([frame, random.bytes(random.integer(1, 4))])),
    () => plain(Buffer.alloc(0)),
    () => plain(Buffer.alloc(prefixLength * random.integer(1, 200))),
    () => compressed(message, {}),
    () => compressed(message, gzip),
    () => compressed(zipped.subarray(0, random.integer(0, zipped.length - 1)), gzip),
    () => compressed(Buffer.concat([zipped, zipped]), gzip),
    () => compressed(zipped, { "grpc-encoding": "lzma", "connect-content-encoding": "lzma" }),
    () => compressed(zipped, gzip),
  ])();
}

function lieOfLength(frame: Buffer, random: Random): Buffer {
  const lying = Buffer.from(frame);
  const length = frame.length - prefixLength;
  const lie = random.pick([length + 1, length - 1, 0, 0x7fffffff, 0xffffffff, 4 * 1024 * 1024 + 1]);
  lying.writeUInt32BE(Math.max(0, lie), 1);
  return lying;
}
