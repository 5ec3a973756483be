/** Counts the entries in the next bytes of a message: each becomes an object of its own. */
export type CountEntries = (bytes: Uint8Array) => number;

/** Returns the counter of one message of a content type. */
export function createEntryCounter(contentType: string): CountEntries {
  return contentType.includes("json") ? countJsonEntries : createBinaryCounter();
}

/** Counts objects in JSON by their opening braces. Braces in texts count, too. */
function countJsonEntries(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(brace); at >= 0; at = bytes.indexOf(brace, at + 1)) count += 1;
  return count;
}

/**
 * Counts the length-delimited fields of a binary message, without those inside of them. Stops at
 * malformed bytes, which the parser rejects.
 */
function createBinaryCounter(): CountEntries {
  const states = { tag: 0, varint: 1, length: 2, malformed: 3 } as const;
  let state: number = states.tag;
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
      const skipped = Math.min(skip, bytes.length - at);
      if (skipped > 0) {
        skip -= skipped;
        at += skipped;
      } else {
        readByte(bytes[at] as number);
        at += 1;
      }
    }
    return count;
  };
}

const brace = 0x7b;
