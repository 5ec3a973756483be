import { prefixLength } from "../connect/error-response.js";

/** Counts the entries of messages as their bytes arrive: each becomes an object of its own. */
export type CountEntries = (bytes: Uint8Array) => number;

/** Counts objects in JSON by their opening braces. Braces in texts count, too. */
export function createJsonCounter(): CountEntries {
  return (bytes) => {
    let count = 0;
    for (let at = bytes.indexOf(brace); at >= 0; at = bytes.indexOf(brace, at + 1)) count += 1;
    return count;
  };
}

/**
 * Counts the length-delimited fields of binary messages, without those inside of them. `isFramed`: each
 * message has a flag and its length before it. Stops at malformed bytes, which the parser rejects.
 */
export function createBinaryCounter(isFramed: boolean): CountEntries {
  const states = { prefix: 0, tag: 1, varint: 2, length: 3, malformed: 4 } as const;
  let state: number = isFramed ? states.prefix : states.tag;
  let prefixBytes = 0;
  let messageBytes = isFramed ? 0 : Number.POSITIVE_INFINITY;
  let skip = 0;
  let value = 0;
  let shift = 1;
  let count = 0;
  const startValue = (next: number) => {
    state = next;
    value = 0;
    shift = 1;
  };
  const readTag = () => {
    const wireType = value & 7;
    if (wireType === 0) startValue(states.varint);
    else if (wireType === 2) startValue(states.length);
    else if (wireType === 1 || wireType === 5) {
      skip = wireType === 1 ? 8 : 4;
      startValue(states.tag);
    } else state = states.malformed;
  };
  const readByte = (byte: number) => {
    if (state === states.prefix) {
      value = prefixBytes === 0 ? 0 : value * 256 + byte;
      prefixBytes += 1;
      if (prefixBytes < prefixLength) return;
      prefixBytes = 0;
      messageBytes = value;
      if (messageBytes > 0) startValue(states.tag);
      return;
    }
    messageBytes -= 1;
    value += (byte & 0x7f) * shift;
    shift *= 128;
    if (byte >= 0x80) return;
    if (state === states.tag) readTag();
    else if (state === states.varint) startValue(states.tag);
    else {
      count += 1;
      skip = value;
      startValue(states.tag);
    }
  };
  return (bytes) => {
    count = 0;
    for (let at = 0; at < bytes.length && state !== states.malformed; ) {
      const skipped = Math.min(skip, messageBytes, bytes.length - at);
      if (skipped > 0) {
        skip -= skipped;
        messageBytes -= skipped;
        at += skipped;
      } else {
        readByte(bytes[at] as number);
        at += 1;
      }
      if (messageBytes === 0 && state !== states.prefix) {
        skip = 0;
        startValue(states.prefix);
      }
    }
    return count;
  };
}

const brace = 0x7b;
