import { createEntryCounter } from "./count-entries.js";
import { createFrameReader, createWholeReader } from "./message-frames.js";

/** What is known of a call's messages before they are read. */
export type MessageFormat = {
  readonly isStream: boolean;
  readonly contentType: string;
  /** Of a body that is one message. Each frame says itself whether it is compressed. */
  readonly contentEncoding: string | null;
};

/** Counts the messages of a call as memory. */
export type MessageMemory = {
  /**
   * Returns a body whose bytes count: as bytes while their chunk is read, and as objects while their
   * message is in use. A stream asks for more bytes when it has handled the messages before, so only
   * the message that it is receiving counts. A unary call has its message until its end.
   */
  readonly countBody: (body: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array>;
  /** Counts a compressed message after its decompression and before it is parsed. */
  readonly countDecompressed: (message: Uint8Array) => void;
};

export function createMessageMemory(
  reserve: (bytes: number) => void,
  { isStream, contentType, contentEncoding }: MessageFormat,
): MessageMemory {
  const read = isFramed(contentType)
    ? createFrameReader()
    : createWholeReader((contentEncoding ?? "identity") !== "identity");
  let decompressedBytes = 0;
  const holdDecompressed = (bytes: number) => {
    reserve(bytes - decompressedBytes);
    decompressedBytes = bytes;
  };
  return {
    countBody: async function* countBody(body) {
      let count = createEntryCounter(contentType);
      /** What the message that is being received holds. */
      let held = 0;
      for await (const chunk of body) {
        reserve(chunk.length * copies);
        for (let from = 0; from < chunk.length; from += pieceBytes) {
          const piece = chunk.subarray(from, from + pieceBytes);
          let added = 0;
          let ended = 0;
          for (const { bytes, isCompressed, isLast } of read(piece)) {
            const needed = isCompressed ? bytes.length : objectBytes(bytes, count(bytes));
            added += needed;
            held += needed;
            if (!isLast) continue;
            ended += held;
            held = 0;
            count = createEntryCounter(contentType);
          }
          reserve(added);
          yield piece;
          if (!isStream) continue;
          reserve(-ended);
          holdDecompressed(0);
        }
        if (isStream) reserve(-chunk.length * copies);
      }
    },
    countDecompressed: (message) =>
      holdDecompressed(objectBytes(message, createEntryCounter(contentType)(message))),
  };
}

function isFramed(contentType: string): boolean {
  return /^application\/(?:grpc|connect\+)/.test(contentType);
}

function objectBytes(bytes: Uint8Array, entries: number): number {
  return bytes.length * objectBytesPerByte + entries * bytesPerEntry;
}

/** The bytes of a message are in this thread, and once more when it is whole. */
const copies = 2;

/** Of a message with the shortest valid accounts. */
const objectBytesPerByte = 9;

/** An entry can have two bytes, and becomes an object of 200 bytes, with others in it. */
const bytesPerEntry = 400;

/** A chunk has up to several megabytes, with many messages. */
const pieceBytes = 16 * 1024;
