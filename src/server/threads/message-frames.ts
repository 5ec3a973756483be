import { prefixLength } from "../connect/error-response.js";

/** A message, or the part of it that is in one chunk. */
export type MessagePart = {
  readonly bytes: Uint8Array;
  readonly isCompressed: boolean;
  /** Whether the message ends with these bytes. */
  readonly isLast: boolean;
};

/** Returns the parts of messages in the next chunk of a body. */
export type ReadMessages = (chunk: Uint8Array) => readonly MessagePart[];

/** Reads a body of frames: each message has a byte of flags and its length in four bytes before it. */
export function createFrameReader(): ReadMessages {
  const prefix = new Uint8Array(prefixLength);
  let prefixBytes = 0;
  let missingBytes = 0;
  return (chunk) => {
    const parts: MessagePart[] = [];
    for (let at = 0; at < chunk.length; ) {
      if (prefixBytes < prefixLength) {
        prefix[prefixBytes] = chunk[at] as number;
        prefixBytes += 1;
        at += 1;
        if (prefixBytes < prefixLength) continue;
        missingBytes = new DataView(prefix.buffer).getUint32(1);
      }
      const bytes = chunk.subarray(at, at + missingBytes);
      at += bytes.length;
      missingBytes -= bytes.length;
      const isLast = missingBytes === 0;
      const isCompressed = ((prefix[0] as number) & compressedFlag) !== 0;
      if (bytes.length > 0 || isLast) parts.push({ bytes, isCompressed, isLast });
      if (isLast) prefixBytes = 0;
    }
    return parts;
  };
}

/** Reads a body that is one message. */
export function createWholeReader(isCompressed: boolean): ReadMessages {
  return (bytes) => [{ bytes, isCompressed, isLast: false }];
}

const compressedFlag = 1;
