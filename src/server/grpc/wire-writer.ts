/**
 * Writes protobuf's wire format, front to back, into one buffer that is used again and again: for
 * messages that are written at once, one after the other.
 *
 * Source: https://protobuf.dev/programming-guides/encoding
 */
let buffer = Buffer.allocUnsafe(16_384);
let end = 0;

/** What `write` writes, in bytes of its own. */
export function written(write: () => void): Buffer {
  end = 0;
  write();
  return Buffer.from(buffer.subarray(0, end));
}

/** An unsigned varint of 32 bits. */
export function writeUint32(value: number): void {
  if (end + 5 > buffer.length) grow(5);
  let rest = value;
  while (rest > 0x7f) {
    buffer[end++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[end++] = rest;
}

/** A varint of 64 bits, in two's complement. */
export function writeInt64(value: bigint): void {
  if (end + 10 > buffer.length) grow(10);
  let rest = BigInt.asUintN(64, value);
  // Bits by the 28, so that few numbers have to be big.
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

/** Text in UTF-8 behind its length; a lone surrogate is U+FFFD. */
export function writeText(text: string): void {
  const most = text.length * 3;
  if (end + 5 + most > buffer.length) grow(5 + most);
  if (most > 0x7f) {
    writeUint32(Buffer.byteLength(text));
    end += buffer.write(text, end);
  } else {
    const length = buffer.write(text, end + 1);
    buffer[end] = length;
    end += 1 + length;
  }
}

/** What `write` writes of `value`, behind its length. */
export function writeNested<T>(value: T, write: (value: T) => void): void {
  if (end + 5 > buffer.length) grow(5);
  const start = end + 1;
  end = start;
  write(value);
  const length = end - start;
  if (length <= 0x7f) {
    buffer[start - 1] = length;
    return;
  }
  // The length takes more than the one byte that was left for it.
  if (end + 4 > buffer.length) grow(4);
  const stop = end;
  end = start - 1;
  const more = lengthOfUint32(length) - 1;
  buffer.copyWithin(start + more, start, stop);
  writeUint32(length);
  end = stop + more;
}

function lengthOfUint32(value: number): number {
  return Math.ceil((32 - Math.clz32(value)) / 7);
}

function grow(bytes: number): void {
  const larger = Buffer.allocUnsafe((buffer.length + bytes) * 2);
  buffer.copy(larger, 0, 0, end);
  buffer = larger;
}
