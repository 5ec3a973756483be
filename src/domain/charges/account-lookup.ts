/** Takes bytes before they are allocated. @throws DomainError when there is no memory left. */
export type ReserveBytes = (bytes: number) => void;

/** A hash table of account indexes with linear probing. It is at most three quarters full. */
export class AccountLookup {
  readonly #reserve: ReserveBytes;
  readonly #hashes: ChunkedUint32Array;
  /** Indexes plus one. 0: free. */
  #slots = new Uint32Array(minSlots);

  constructor(reserve: ReserveBytes) {
    this.#reserve = reserve;
    this.#hashes = new ChunkedUint32Array(reserve);
  }

  find(hash: number, isSame: (index: number) => boolean): boolean {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const index = (this.#slots[slot] as number) - 1;
      if (this.#hashes.at(index) === hash && isSame(index)) return true;
    }
    return false;
  }

  add(hash: number, index: number): void {
    if (index >= this.#slots.length * 0.75) this.#grow(index);
    this.#hashes.push(hash);
    this.#insert(hash, index);
  }

  free(): void {
    this.#reserve(-this.#slots.byteLength);
    this.#hashes.free();
  }

  #grow(count: number): void {
    const before = this.#slots.byteLength;
    this.#reserve(before * 2);
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let index = 0; index < count; index += 1) this.#insert(this.#hashes.at(index), index);
    this.#reserve(-before);
  }

  #insert(hash: number, index: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = index + 1;
  }
}

/** A list of 32-bit numbers that grows chunk by chunk, so that it never has to be copied. */
export class ChunkedUint32Array {
  readonly #reserve: ReserveBytes;
  readonly #chunks: Uint32Array[] = [];
  #length = 0;

  /** `reserve` is called with the bytes of each chunk before it is allocated. */
  constructor(reserve: ReserveBytes) {
    this.#reserve = reserve;
  }

  at(index: number): number {
    return this.#chunks[index >>> chunkBits]?.[index & (chunkSize - 1)] as number;
  }

  push(value: number): void {
    const chunk = this.#length >>> chunkBits;
    if (chunk === this.#chunks.length) {
      this.#reserve(chunkBytes);
      this.#chunks.push(new Uint32Array(chunkSize));
    }
    (this.#chunks[chunk] as Uint32Array)[this.#length & (chunkSize - 1)] = value;
    this.#length += 1;
  }

  /** Empties the list, and reserves a negative number of bytes. */
  free(): void {
    this.#reserve(-this.#chunks.length * chunkBytes);
    this.#chunks.length = 0;
    this.#length = 0;
  }
}

const chunkBits = 16;

/** The numbers in a chunk, and its bytes: 256 KiB. */
export const chunkSize = 2 ** chunkBits;
export const chunkBytes = chunkSize * 4;

const minSlots = 1024;

/**
 * Returns a 32-bit hash of words and of a length: HalfSipHash-1-3 with a random key of this thread.
 * With a hash that others can compute, an attacker could send texts that all have the same one.
 */
export function hashWords(
  words: Uint32Array,
  start: number,
  count: number,
  length: number,
): number {
  let v0 = key0;
  let v1 = key1;
  let v2 = key0 ^ 0x6c796765;
  let v3 = key1 ^ 0x74656462;
  const rounds = count + 1 + finalRounds;
  for (let round = 0; round < rounds; round += 1) {
    const word = round < count ? (words[start + round] as number) : round === count ? length : 0;
    if (round === count + 1) v2 ^= 0xff;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  return (v1 ^ v3) >>> 0;
}

const [key0 = 0, key1 = 0] = crypto.getRandomValues(new Int32Array(2));
const finalRounds = 3;
