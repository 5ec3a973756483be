/** A list of 32-bit numbers that grows chunk by chunk, so that it never has to be copied. */
export class ChunkedUint32Array {
  readonly #reserve: (bytes: number) => void;
  readonly #chunks: Uint32Array[] = [];
  #length = 0;

  /** `reserve` is called with the bytes of each chunk before it is allocated. */
  constructor(reserve: (bytes: number) => void) {
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
