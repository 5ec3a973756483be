import { prefixLength } from "../connect/error-response.js";

/**
 * Returns a body whose bytes count as memory: as bytes while their chunk is read, and as objects while
 * their message is in use. A stream asks for more bytes when it has handled the messages before, so
 * only the message that it is receiving counts. A unary call has its message until its end.
 */
export async function* countMessages(
  body: AsyncIterable<Uint8Array>,
  reserve: (bytes: number) => void,
  { isStream, isCompressed }: { readonly isStream: boolean; readonly isCompressed: boolean },
): AsyncGenerator<Uint8Array> {
  const factor = objectBytesPerByte * (isCompressed ? compressionRatio : 1);
  const frame = createFrameReader();
  let held = 0;
  for await (const chunk of body) {
    reserve(chunk.length * copies);
    for (let from = 0; from < chunk.length; from += pieceBytes) {
      const piece = chunk.subarray(from, from + pieceBytes);
      reserve(piece.length * factor);
      held += piece.length;
      yield piece;
      if (!isStream) continue;
      const kept = Math.min(held, frame.read(piece));
      reserve((kept - held) * factor);
      held = kept;
    }
    if (isStream) reserve(-chunk.length * copies);
  }
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

/** Of messages with different accounts or prices. Those that compress better are small as objects. */
const compressionRatio = 10;

/** A chunk has up to several megabytes, with many messages. */
const pieceBytes = 64 * 1024;
