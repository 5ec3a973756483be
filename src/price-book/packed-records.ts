import type { Instant } from "../domain/instant.js";
import { type Key, wildcard } from "../domain/price-key.js";
import type { TimelineRow } from "../store/timelines/price-book-feed.js";

/** The price of a timeline at an instant. */
export type PriceInEffect = {
  readonly id: string;
  /** In units of 10^-10. */
  readonly priceUnits: number;
  readonly effectiveFrom: Instant;
  /** Undefined: no later revision is known. */
  readonly effectiveUntil: Instant | undefined;
};

/** A key, and how it stands at an instant. */
export type KeyStanding = {
  readonly id: string;
  readonly key: Key;
  /** Whether it has a price, had one, or will have one. */
  readonly standing: "priced" | "ended" | "notYet";
};

/**
 * A buffer of timelines, one record each, aligned to 8 bytes:
 *
 *     0  int32    hash of the key
 *     4  uint16   length of the text of the key, and uint16 length of the text of its audience, of which
 *                 the highest bit is set for a price list
 *     8  uint32   number of revisions that stand
 *    12  uint32   number of superseded revisions
 *    16  float64  start of a revision that stands, float64 its price in units of 10^-10, -1 for none,
 *                 and float64 the version that wrote it; ascending by start
 *        float64  the same of a superseded revision, and float64 the version that took it back
 *        16 bytes of the id, ASCII text of the key, UTF-8 of the account or the price list
 *
 * About 150 bytes per key with two revisions, which the garbage collector does not scan.
 */
export class Records {
  readonly bytes: Buffer;
  readonly #view: DataView;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  hashAt(offset: number): number {
    return this.#view.getInt32(offset, true);
  }

  /** Returns the end of the record at `offset`, which is the offset of the next one. */
  endOf(offset: number): number {
    return align(this.#audienceStart(offset) + (this.#audienceBits(offset) & lengthBits));
  }

  keyAt(offset: number): Key {
    const start = this.#idStart(offset) + idLength;
    const end = this.#audienceStart(offset);
    // Only a model may contain a slash.
    const [chargeType = "", provider = "", ...model] = this.bytes
      .toString("latin1", start, end)
      .split("/");
    const bits = this.#audienceBits(offset);
    const text = this.bytes.toString("utf8", end, end + (bits & lengthBits));
    const isList = (bits & listBit) !== 0;
    return {
      ...{ accountId: isList ? "" : text, priceList: isList ? text : "" },
      ...{ chargeType, provider, model: model.join("/") },
    };
  }

  /**
   * Returns whether a record has a key. `prefixLength`: how many characters of the model are before a `*`;
   * undefined: the model is the whole text.
   */
  hasKey(offset: number, key: Key, prefixLength: number | undefined): boolean {
    const { chargeType, provider, model } = key;
    const modelLength = prefixLength ?? model.length;
    const end = prefixLength === undefined ? "" : wildcard;
    const length = chargeType.length + provider.length + modelLength + end.length + 2;
    if (this.#view.getUint16(offset + 4, true) !== length) return false;
    const typeStart = this.#idStart(offset) + idLength;
    const providerStart = typeStart + chargeType.length + 1;
    const modelStart = providerStart + provider.length + 1;
    return (
      this.#hasText(modelStart, model, modelLength) &&
      this.#hasText(modelStart + modelLength, end) &&
      this.#hasText(providerStart, provider) &&
      this.#hasText(typeStart, chargeType) &&
      this.#hasAudience(offset, key)
    );
  }

  /** Returns the price in effect at an instant by what stands now, or undefined. */
  priceAt(offset: number, instant: Instant): PriceInEffect | undefined {
    const view = this.#view;
    const first = offset + revisionsStart;
    let at = first + (view.getUint32(offset + 8, true) - 1) * standingBytes;
    let effectiveUntil: Instant | undefined;
    // Searches from the latest revision: most lookups are for now.
    for (; at >= first; at -= standingBytes) {
      const effectiveFrom = view.getFloat64(at, true);
      if (effectiveFrom <= instant) return this.#priceOf(offset, at, effectiveUntil);
      effectiveUntil = effectiveFrom;
    }
    return undefined;
  }

  /** Returns the price in effect at an instant by what a version said, or undefined. */
  priceAtVersion(offset: number, instant: Instant, version: number): PriceInEffect | undefined {
    const view = this.#view;
    let found: number | undefined;
    let foundFrom = Number.NEGATIVE_INFINITY;
    let effectiveUntil: Instant | undefined;
    const consider = (at: number) => {
      const effectiveFrom = view.getFloat64(at, true);
      if (effectiveFrom > instant) {
        if (effectiveUntil === undefined || effectiveFrom < effectiveUntil)
          effectiveUntil = effectiveFrom;
      } else if (effectiveFrom > foundFrom) {
        foundFrom = effectiveFrom;
        found = at;
      }
    };
    this.#eachSaid(offset, version, consider);
    return found === undefined ? undefined : this.#priceOf(offset, found, effectiveUntil);
  }

  /** Calls `visit` with the place of each revision that a version said. */
  #eachSaid(offset: number, version: number, visit: (at: number) => void): void {
    const view = this.#view;
    let at = offset + revisionsStart;
    const firstSuperseded = at + view.getUint32(offset + 8, true) * standingBytes;
    for (; at < firstSuperseded; at += standingBytes) {
      if (view.getFloat64(at + 16, true) <= version) visit(at);
    }
    const end = this.#idStart(offset);
    for (; at < end; at += supersededBytes) {
      if (view.getFloat64(at + 16, true) <= version && view.getFloat64(at + 24, true) > version)
        visit(at);
    }
  }

  /**
   * Returns the id of a key, and how it stands at an instant by what a version said. Undefined: it had no
   * price then, and none was scheduled.
   */
  standingAt(
    offset: number,
    instant: Instant,
    version: number,
  ): Omit<KeyStanding, "key"> | undefined {
    const view = this.#view;
    let begunFrom = Number.NEGATIVE_INFINITY;
    let hasPrice = false;
    let isScheduled = false;
    const consider = (at: number) => {
      const effectiveFrom = view.getFloat64(at, true);
      const isPrice = view.getFloat64(at + 8, true) >= 0;
      if (effectiveFrom > instant) isScheduled ||= isPrice;
      else if (effectiveFrom > begunFrom) {
        begunFrom = effectiveFrom;
        hasPrice = isPrice;
      }
    };
    this.#eachSaid(offset, version, consider);
    const hasBegun = begunFrom > Number.NEGATIVE_INFINITY;
    if (!hasBegun && !isScheduled) return undefined;
    const standing = hasPrice ? "priced" : hasBegun ? "ended" : "notYet";
    return { id: this.#idAt(offset), standing };
  }

  write(offset: number, hash: number, { key, id, standing, superseded }: TimelineRow): void {
    const view = this.#view;
    const text = `${key.chargeType}/${key.provider}/${key.model}`;
    const audience = key.accountId + key.priceList;
    const audienceLength = Buffer.byteLength(audience);
    view.setInt32(offset, hash, true);
    view.setUint16(offset + 4, text.length, true);
    view.setUint16(
      offset + 6,
      key.priceList === "" ? audienceLength : audienceLength | listBit,
      true,
    );
    view.setUint32(offset + 8, standing.length, true);
    view.setUint32(offset + 12, superseded.length, true);
    let at = offset + revisionsStart;
    for (const revision of standing) {
      view.setFloat64(at, revision.effectiveFrom, true);
      view.setFloat64(at + 8, revision.priceUnits, true);
      view.setFloat64(at + 16, revision.bookVersion, true);
      at += standingBytes;
    }
    for (const revision of superseded) {
      view.setFloat64(at, revision.effectiveFrom, true);
      view.setFloat64(at + 8, revision.priceUnits, true);
      view.setFloat64(at + 16, revision.bookVersion, true);
      view.setFloat64(at + 24, revision.supersededIn, true);
      at += supersededBytes;
    }
    this.bytes.write(id.replaceAll("-", ""), at, "hex");
    this.bytes.write(text, at + idLength, "latin1");
    this.bytes.write(audience, at + idLength + text.length);
  }

  #priceOf(
    offset: number,
    at: number,
    effectiveUntil: Instant | undefined,
  ): PriceInEffect | undefined {
    const priceUnits = this.#view.getFloat64(at + 8, true);
    if (priceUnits < 0) return undefined;
    const effectiveFrom = this.#view.getFloat64(at, true);
    return { id: this.#idAt(offset), priceUnits, effectiveFrom, effectiveUntil };
  }

  #idAt(offset: number): string {
    const start = this.#idStart(offset);
    return toUuid(this.bytes.toString("hex", start, start + idLength));
  }

  /** Returns the end of the revisions, where the id begins. */
  #idStart(offset: number): number {
    const standing = this.#view.getUint32(offset + 8, true);
    const superseded = this.#view.getUint32(offset + 12, true);
    return offset + revisionsStart + standing * standingBytes + superseded * supersededBytes;
  }

  #audienceStart(offset: number): number {
    return this.#idStart(offset) + idLength + this.#view.getUint16(offset + 4, true);
  }

  #audienceBits(offset: number): number {
    return this.#view.getUint16(offset + 6, true);
  }

  #hasAudience(offset: number, { accountId, priceList }: Key): boolean {
    const bits = this.#audienceBits(offset);
    const text = (bits & listBit) === 0 ? accountId : priceList;
    const other = (bits & listBit) === 0 ? priceList : accountId;
    if (other !== "") return false;
    if (bits === 0 || text === "") return bits === 0 && text === "";
    const start = this.#audienceStart(offset);
    const length = bits & lengthBits;
    if (text.length === length && this.#hasText(start, text)) return true;
    // Text that is not ASCII has more bytes than characters.
    return text.length < length && this.bytes.toString("utf8", start, start + length) === text;
  }

  #hasText(start: number, text: string, length = text.length): boolean {
    const { bytes } = this;
    for (let index = 0; index < length; index += 1) {
      if (bytes[start + index] !== text.charCodeAt(index)) return false;
    }
    return true;
  }
}

/** Returns the size of the record of a timeline, in bytes. */
export function sizeOf({ key, standing, superseded }: TimelineRow): number {
  const ownText = key.chargeType.length + key.provider.length + key.model.length + 2;
  const text = ownText + Buffer.byteLength(key.accountId + key.priceList);
  const revisions = standing.length * standingBytes + superseded.length * supersededBytes;
  return align(revisionsStart + revisions + idLength + text);
}

function toUuid(hex: string): string {
  const [a, b, c, d] = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return `${a}-${b}-${c}-${d}-${hex.slice(20)}`;
}

function align(offset: number): number {
  return (offset + 7) & ~7;
}

const listBit = 0x8000;
const lengthBits = 0x7fff;
const revisionsStart = 16;
const standingBytes = 24;
const supersededBytes = 32;
const idLength = 16;
