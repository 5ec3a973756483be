import type { Key } from "../domain/price-key.js";
import { Records } from "./packed-records.js";

/** An immutable hash table of a part of the timelines. */
export class Shard {
  readonly records: Records;
  readonly count: number;
  /** Offsets of the records plus 1; 0 is an empty slot. At most half of the slots are used. */
  readonly #slots: Uint32Array;

  private constructor(bytes: Buffer) {
    this.records = new Records(bytes);
    const offsets: number[] = [];
    for (let at = 0; at < bytes.length; at = this.records.endOf(at)) offsets.push(at);
    this.count = offsets.length;
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(1, 2 * offsets.length))));
    for (const offset of offsets) {
      let slot = this.#firstSlot(this.records.hashAt(offset));
      while (this.#slots[slot] !== 0) slot = this.#nextSlot(slot);
      this.#slots[slot] = offset + 1;
    }
  }

  static readonly empty = new Shard(Buffer.alloc(0));

  /** Returns a copy with the added records, which replace those of the same keys. */
  with(added: Buffer): Shard {
    const records = new Records(added);
    const replaced: number[] = [];
    for (let at = 0; at < added.length; at = records.endOf(at)) {
      const offset = this.find(records.hashAt(at), records.keyAt(at), undefined);
      if (offset !== undefined) replaced.push(offset);
    }
    return new Shard(Buffer.concat([...this.#bytesWithout(replaced), added]));
  }

  /** Returns the offset of a key's record. `prefixLength` as for `Records.hasKey`. */
  find(hash: number, key: Key, prefixLength: number | undefined): number | undefined {
    const slots = this.#slots;
    for (let slot = this.#firstSlot(hash); ; slot = this.#nextSlot(slot)) {
      const entry = slots[slot];
      if (entry === 0 || entry === undefined) return undefined;
      const offset = entry - 1;
      const { records } = this;
      if (records.hashAt(offset) === hash && records.hasKey(offset, key, prefixLength))
        return offset;
    }
  }

  /** Skips the low 12 bits of the hash, which choose the shard. */
  #firstSlot(hash: number): number {
    return (hash >>> 12) & (this.#slots.length - 1);
  }

  #nextSlot(slot: number): number {
    return (slot + 1) & (this.#slots.length - 1);
  }

  #bytesWithout(offsets: readonly number[]): Buffer[] {
    const { bytes } = this.records;
    const kept: Buffer[] = [];
    let start = 0;
    for (const offset of offsets.toSorted((a, b) => a - b)) {
      kept.push(bytes.subarray(start, offset));
      start = this.records.endOf(offset);
    }
    return [...kept, bytes.subarray(start)];
  }
}

/** Returns the index of the shard of a hash. A change copies a shard, 1/4096 of the book. */
export function shardOf(hash: number): number {
  return hash & 4095;
}
