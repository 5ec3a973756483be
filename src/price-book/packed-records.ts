import type { Instant } from "../domain/instant.js";
import { type Key, toKeyText } from "../domain/price-key.js";
import type { TimelineRow } from "../store/prices/price-book-feed.js";

/** The price of a timeline at an instant. */
export type PriceInEffect = {
  readonly id: string;
  /** In units of 10^-10. */
  readonly priceUnits: number;
  readonly effectiveFrom: Instant;
  /** Undefined: no later revision is known. */
  readonly effectiveUntil: Instant | undefined;
};

/**
 * A buffer of timelines, one record each, aligned to 8 bytes:
 *
 *     0  uint32   hash of the key
 *     4  uint32   length of the text of the key
 *     8  uint32   number of revisions
 *    12  ASCII    id, 36 characters
 *    48  float64  start of a revision, and float64 its price in units of 10^-10, -1 for none
 *        ASCII    text of the key, after the last revision
 *
 * About 135 bytes per key, which the garbage collector does not scan.
 */
export class Records {
  readonly bytes: Buffer;
  readonly #view: DataView;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  hashAt(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  /** Returns the end of the record at `offset`, which is the offset of the next one. */
  endOf(offset: number): number {
    const keyStart = this.#keyStart(offset);
    return align(keyStart + this.#view.getUint32(offset + 4, true));
  }

  keyAt(offset: number): Key {
    const start = this.#keyStart(offset);
    const end = start + this.#view.getUint32(offset + 4, true);
    // Only a model may contain a slash.
    const [chargeType = "", provider = "", ...model] = this.bytes
      .toString("latin1", start, end)
      .split("/");
    return { chargeType, provider, model: model.join("/") };
  }

  hasKey(offset: number, { chargeType, provider, model }: Key): boolean {
    const length = chargeType.length + provider.length + model.length + 2;
    if (this.#view.getUint32(offset + 4, true) !== length) return false;
    const typeStart = this.#keyStart(offset);
    const providerStart = typeStart + chargeType.length + 1;
    const modelStart = providerStart + provider.length + 1;
    return (
      this.#hasText(modelStart, model) &&
      this.#hasText(providerStart, provider) &&
      this.#hasText(typeStart, chargeType)
    );
  }

  /** Returns the price in effect at an instant, or undefined. */
  priceAt(offset: number, instant: Instant): PriceInEffect | undefined {
    const view = this.#view;
    const first = offset + revisionsStart;
    let at = first + (view.getUint32(offset + 8, true) - 1) * revisionBytes;
    let effectiveUntil: Instant | undefined;
    // Searches from the latest revision: most lookups are for now.
    for (; at >= first; at -= revisionBytes) {
      const effectiveFrom = view.getFloat64(at, true);
      if (effectiveFrom <= instant) {
        const priceUnits = view.getFloat64(at + 8, true);
        if (priceUnits < 0) return undefined;
        const id = this.bytes.toString("latin1", offset + idStart, offset + revisionsStart);
        return { id, priceUnits, effectiveFrom, effectiveUntil };
      }
      effectiveUntil = effectiveFrom;
    }
    return undefined;
  }

  write(offset: number, hash: number, { key, id, effectiveFrom, priceUnits }: TimelineRow): void {
    const view = this.#view;
    const text = toKeyText(key);
    view.setUint32(offset, hash, true);
    view.setUint32(offset + 4, text.length, true);
    view.setUint32(offset + 8, effectiveFrom.length, true);
    this.bytes.write(id, offset + idStart, "latin1");
    let at = offset + revisionsStart;
    for (const [index, from] of effectiveFrom.entries()) {
      view.setFloat64(at, from, true);
      view.setFloat64(at + 8, priceUnits[index] ?? -1, true);
      at += revisionBytes;
    }
    this.bytes.write(text, at, "latin1");
  }

  #keyStart(offset: number): number {
    return offset + revisionsStart + this.#view.getUint32(offset + 8, true) * revisionBytes;
  }

  #hasText(start: number, text: string): boolean {
    const { bytes } = this;
    for (let index = 0; index < text.length; index += 1) {
      if (bytes[start + index] !== text.charCodeAt(index)) return false;
    }
    return true;
  }
}

/** Returns the size of the record of a timeline, in bytes. */
export function sizeOf({ key, effectiveFrom }: TimelineRow): number {
  const text = key.chargeType.length + key.provider.length + key.model.length + 2;
  return align(revisionsStart + effectiveFrom.length * revisionBytes + text);
}

function align(offset: number): number {
  return (offset + 7) & ~7;
}

const idStart = 12;
const revisionsStart = 48;
const revisionBytes = 16;
