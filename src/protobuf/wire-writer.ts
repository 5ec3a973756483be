/**
 * Writes protobuf's wire format, from front to back, into one buffer that all messages reuse. Each
 * message must be written synchronously, one after the other.
 *
 * Source: https://protobuf.dev/programming-guides/encoding
 */
const startBytes = 16_384;
const maxKeptBytes = 1024 * 1024;
let buffer = Buffer.allocUnsafe(startBytes);
let end = 0;

/** Returns the bytes that `write` writes, in a new buffer. */
export function encodeWith(write: () => void): Buffer {
  end = 0;
  write();
  const bytes = Buffer.from(buffer.subarray(0, end));
  // The response of a batch may have megabytes, and the next one may be hours away.
  if (buffer.length > maxKeptBytes) buffer = Buffer.allocUnsafe(startBytes);
  return bytes;
}

/** Writes an unsigned varint of 32 bits. */
export function writeUint32(value: number): void {
  if (end + 5 > buffer.length) grow(5);
  let rest = value;
  while (rest > 0x7f) {
    buffer[end++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[end++] = rest;
}

/** Writes a varint of 64 bits, in two's complement. */
export function writeInt64(value: bigint): void {
  if (end + 10 > buffer.length) grow(10);
  let rest = BigInt.asUintN(64, value);
  // Takes 28 bits at a time as a number, because operations on bigint are slow.
  while (rest > 0xfff_ffffn) {
    const low = Number(rest & 0xfff_ffffn);
    buffer[end++] = (low & 0x7f) | 0x80;
    buffer[end++] = ((low >>> 7) & 0x7f) | 0x80;
    buffer[end++] = ((low >>> 14) & 0x7f) | 0x80;
    buffer[end++] = (low >>> 21) | 0x80;
    rest >>= 28n;
  }
  writeUint32(Number(rest));
}

/** Writes the length of a text, then the text in UTF-8. A lone surrogate becomes U+FFFD. */
export function writeText(text: string): void {
  const maxLength = text.length * 3;
  if (end + 5 + maxLength > buffer.length) grow(5 + maxLength);
  if (maxLength > 0x7f) {
    writeUint32(Buffer.byteLength(text));
    end += buffer.write(text, end);
  } else {
    const length = buffer.write(text, end + 1);
    buffer[end] = length;
    end += 1 + length;
  }
}

/** Writes the length of bytes, then the bytes. */
export function writeBytes(bytes: Uint8Array): void {
  if (end + 5 + bytes.length > buffer.length) grow(5 + bytes.length);
  writeUint32(bytes.length);
  buffer.set(bytes, end);
  end += bytes.length;
}

/**
 * Writes the length of what `write` writes for `value`, then those bytes. Returns their length.
 */
export function writeNested<T>(value: T, write: (value: T) => void): number {
  if (end + 5 > buffer.length) grow(5);
  const start = end + 1;
  end = start;
  write(value);
  const length = end - start;
  if (length <= 0x7f) {
    buffer[start - 1] = length;
    return length;
  }
  // The length needs more than the one byte that was reserved for it.
  if (end + 4 > buffer.length) grow(4);
  const stop = end;
  end = start - 1;
  const more = lengthOfUint32(length) - 1;
  buffer.copyWithin(start + more, start, stop);
  writeUint32(length);
  end = stop + more;
  return length;
}

/** Returns a copy of the last bytes that were written. */
export function copyLast(length: number): Buffer {
  return Buffer.from(buffer.subarray(end - length, end));
}

function lengthOfUint32(value: number): number {
  return Math.ceil((32 - Math.clz32(value)) / 7);
}

function grow(bytes: number): void {
  const larger = Buffer.allocUnsafe((buffer.length + bytes) * 2);
  buffer.copy(larger, 0, 0, end);
  buffer = larger;
}
