import { prefixLength } from "../connect/error-response.js";
import { type CountEntries, createBinaryCounter, createJsonCounter } from "./count-entries.js";

/**
 * Returns a body whose bytes count as memory: as bytes while their chunk is read, and as objects while
 * their message is in use. A stream asks for more bytes when it has handled the messages before, so
 * only the message that it is receiving counts. A unary call has its message until its end.
 */
export async function* countMessages(
  body: AsyncIterable<Uint8Array>,
  reserve: (bytes: number) => void,
  { isStream, isCompressed, type }: MessageFormat,
): AsyncGenerator<Uint8Array> {
  const factor = objectBytesPerByte * (isCompressed ? compressionRatio : 1);
  const frame = createFrameReader();
  const countEntries = isCompressed ? () => 0 : createEntryCounter(type);
  let held = 0;
  let heldEntries = 0;
  for await (const chunk of body) {
    reserve(chunk.length * copies);
    for (let from = 0; from < chunk.length; from += pieceBytes) {
      const piece = chunk.subarray(from, from + pieceBytes);
      const entries = countEntries(piece);
      reserve(piece.length * factor + entries * bytesPerEntry);
      held += piece.length;
      heldEntries += entries;
      yield piece;
      if (!isStream) continue;
      const kept = Math.min(held, frame.read(piece));
      // Of a message that continues, the entries of earlier pieces stay, or those of this piece.
      const keptEntries = kept === held ? heldEntries : kept > 0 ? entries : 0;
      reserve((kept - held) * factor + (keptEntries - heldEntries) * bytesPerEntry);
      held = kept;
      heldEntries = keptEntries;
    }
    if (isStream) reserve(-chunk.length * copies);
  }
}

/** What is known of a call's messages before they are read. */
export type MessageFormat = {
  readonly isStream: boolean;
  readonly isCompressed: boolean;
  /** The content type. */
  readonly type: string;
};

function createEntryCounter(type: string): CountEntries {
  if (type.includes("json")) return createJsonCounter();
  return createBinaryCounter(/^application\/(?:grpc|connect\+)/.test(type));
}

/** Follows the frames of a stream: each has a flag and its length in four bytes before it. */
function createFrameReader() {
  const prefix = new Uint8Array(prefixLength);
  let prefixBytes = 0;
  let missingBytes = 0;
  let receivedBytes = 0;
  return {
    /** Returns how many bytes of an incomplete frame have been received. */
    read: (chunk: Uint8Array): number => {
      let at = 0;
      while (at < chunk.length) {
        if (prefixBytes < prefixLength) {
          prefix[prefixBytes] = chunk[at] as number;
          prefixBytes += 1;
          at += 1;
          if (prefixBytes < prefixLength) continue;
          missingBytes = new DataView(prefix.buffer).getUint32(1);
          receivedBytes = prefixLength;
        }
        const part = Math.min(missingBytes, chunk.length - at);
        at += part;
        missingBytes -= part;
        receivedBytes += part;
        if (missingBytes > 0) continue;
        prefixBytes = 0;
        receivedBytes = 0;
      }
      return receivedBytes + (receivedBytes === 0 ? prefixBytes : 0);
    },
  };
}

/** The bytes of a message are in the main thread, in this thread, and once more when it is whole. */
const copies = 3;

/** Of a message with the shortest valid accounts. */
const objectBytesPerByte = 9;

/** An entry can have two bytes, and becomes an object of 200 bytes, with others in it. */
const bytesPerEntry = 400;

/** Of messages with different accounts or prices. Those that compress better are small as objects. */
const compressionRatio = 10;

/** A chunk has up to several megabytes, with many messages. */
const pieceBytes = 16 * 1024;
