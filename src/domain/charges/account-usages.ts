import { maxUsageScale, type Usage } from "../scaled-integer.js";
import {
  AccountLookup,
  ChunkedUint32Array,
  chunkBytes,
  chunkSize,
  hashWords,
  type ReserveBytes,
} from "./account-lookup.js";

/**
 * The usages of the accounts, in the order in which they were added. Each account occurs once.
 *
 * Accounts are packed into 32-bit words outside of the JavaScript heap: strings and BigInts take four
 * times as much memory. A record has a head, the account id in UTF-8, filled with zeros to whole
 * words, and the usage in as many words as it needs, the lowest first. A hash table finds records by
 * account id.
 */
export class AccountUsages {
  readonly #reserve: ReserveBytes;
  readonly #records: Uint32Array[] = [];
  /** The same memory as bytes. */
  readonly #bytes: Buffer[] = [];
  /** Where the next record begins. Positions count words, over all chunks. */
  #end = 0;
  readonly #positions: ChunkedUint32Array;
  #lookup: AccountLookup | undefined;
  #count = 0;
  #totalUnits = 0n;
  #scale = 0;
  /** The account id that is encoded at the end of the records, and its hash. */
  #encodedId: string | undefined;
  #encodedHash = 0;

  /** `reserve` is called with the bytes of each further part of the memory. */
  constructor(reserve: ReserveBytes = () => {}) {
    this.#reserve = reserve;
    this.#positions = new ChunkedUint32Array(reserve);
    this.#lookup = new AccountLookup(reserve);
  }

  /** The number of accounts. */
  get count(): number {
    return this.#count;
  }

  /** The sum of all usages, in units of 10^-18. */
  get totalUnits(): bigint {
    return this.#totalUnits;
  }

  /** The same sum, in units of 10^-`scale`: the most fraction digits that a usage has. */
  get scaledTotal(): bigint {
    return this.#totalUnits / powerOfTen(maxUsageScale - this.#scale);
  }

  /** The id has at most 255 characters, and no unpaired surrogates. */
  has(accountId: string): boolean {
    this.#encode(accountId);
    const isSame = (index: number) => this.#isEncodedId(this.#positions.at(index));
    return this.#openLookup().find(this.#encodedHash, isSame);
  }

  /** Adds a new account with its usage, of fewer than 2^128 units. Check `has` first. */
  add(accountId: string, { units, scale }: Usage): void {
    this.#encode(accountId);
    const lookup = this.#openLookup();
    this.#positions.push(this.#end);
    lookup.add(this.#encodedHash, this.#count);
    this.#count += 1;
    this.#totalUnits += units * powerOfTen(maxUsageScale - scale);
    if (scale > this.#scale) this.#scale = scale;
    const { words, start } = this.#recordAt(this.#end);
    const idWords = toWords(idLength(words[start] as number));
    const unitWords = writeUnits(words, start + 1 + idWords, units);
    words[start] = (words[start] as number) | (unitWords << usageShift) | (scale << scaleShift);
    this.#end += 1 + idWords + unitWords;
    this.#encodedId = undefined;
  }

  /** Frees the memory that only `has` and `add` need. They must not be called again. */
  endInput(): void {
    this.#lookup?.free();
    this.#lookup = undefined;
  }

  accountIdAt(index: number): string {
    const position = this.#positions.at(index);
    const head = this.#headAt(position);
    const bytes = this.#bytes[chunkOf(position)] as Buffer;
    const start = (offsetOf(position) + 1) * 4;
    const isAscii = (head & asciiFlag) !== 0;
    return bytes.toString(isAscii ? "latin1" : "utf8", start, start + idLength(head));
  }

  /** The usage of the account at `index`, in units of 10^-`scale`. */
  unitsAt(index: number): bigint {
    const { words, start } = this.#recordAt(this.#positions.at(index));
    const head = words[start] as number;
    const units = readUnits(words, start + 1 + toWords(idLength(head)), usageWords(head));
    const scale = head >>> scaleShift;
    return scale === this.#scale ? units : units * powerOfTen(this.#scale - scale);
  }

  /** Returns whether the usages of two accounts are equal. */
  hasSameUsage(a: number, b: number): boolean {
    const first = this.#recordAt(this.#positions.at(a));
    const second = this.#recordAt(this.#positions.at(b));
    const headA = first.words[first.start] as number;
    const headB = second.words[second.start] as number;
    // The number of words, and the scale.
    if (headA >>> usageShift !== headB >>> usageShift) return false;
    const count = usageWords(headA);
    const startA = first.start + 1 + toWords(idLength(headA));
    const startB = second.start + 1 + toWords(idLength(headB));
    for (let i = 0; i < count; i += 1) {
      if (first.words[startA + i] !== second.words[startB + i]) return false;
    }
    return true;
  }

  /** Compares the ids of two accounts by their bytes. */
  compareIdsAt(a: number, b: number): number {
    const [positionA, positionB] = [this.#positions.at(a), this.#positions.at(b)];
    const bytesA = this.#bytes[chunkOf(positionA)] as Buffer;
    const bytesB = this.#bytes[chunkOf(positionB)] as Buffer;
    const startA = (offsetOf(positionA) + 1) * 4;
    const startB = (offsetOf(positionB) + 1) * 4;
    const lengthA = idLength(this.#headAt(positionA));
    const lengthB = idLength(this.#headAt(positionB));
    const end = Math.min(lengthA, lengthB);
    for (let i = 0; i < end; i += 1) {
      const difference = (bytesA[startA + i] as number) - (bytesB[startB + i] as number);
      if (difference !== 0) return difference;
    }
    return lengthA - lengthB;
  }

  /** Writes an account id behind the last record, without adding it, and computes its hash. */
  #encode(accountId: string): void {
    if (this.#encodedId === accountId) return;
    this.#makeRoom();
    const { words, start } = this.#recordAt(this.#end);
    const bytes = this.#bytes[chunkOf(this.#end)] as Buffer;
    const from = (start + 1) * 4;
    let length = writeAscii(bytes, from, accountId);
    const flags = length === accountId.length ? asciiFlag : 0;
    if (flags === 0) length = bytes.write(accountId, from, "utf8");
    const idWords = toWords(length);
    bytes.fill(0, from + length, from + idWords * 4);
    words[start] = length | flags;
    this.#encodedHash = hashWords(words, start + 1, idWords, length);
    this.#encodedId = accountId;
  }

  /** Starts a chunk when the last one may be too short for another record. */
  #makeRoom(): void {
    const isFull = chunkSize - offsetOf(this.#end) < maxRecordWords;
    const chunk = chunkOf(this.#end) + (isFull ? 1 : 0);
    if (chunk >= this.#records.length) {
      this.#reserve(chunkBytes);
      const memory = new ArrayBuffer(chunkBytes);
      this.#records.push(new Uint32Array(memory));
      this.#bytes.push(Buffer.from(memory));
    }
    if (isFull) this.#end = chunk * chunkSize;
  }

  #isEncodedId(position: number): boolean {
    const encoded = this.#recordAt(this.#end);
    const { words, start } = this.#recordAt(position);
    const length = idLength(words[start] as number);
    if (length !== idLength(encoded.words[encoded.start] as number)) return false;
    for (let i = 1; i <= toWords(length); i += 1) {
      if (words[start + i] !== encoded.words[encoded.start + i]) return false;
    }
    return true;
  }

  #recordAt(position: number): { words: Uint32Array; start: number } {
    return { words: this.#records[chunkOf(position)] as Uint32Array, start: offsetOf(position) };
  }

  #headAt(position: number): number {
    return this.#records[chunkOf(position)]?.[offsetOf(position)] as number;
  }

  #openLookup(): AccountLookup {
    if (this.#lookup === undefined) throw new Error("the input has ended");
    return this.#lookup;
  }
}

/** Writes the ASCII characters at the start of a text. Returns their number. */
function writeAscii(bytes: Buffer, from: number, text: string): number {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return i;
    bytes[from + i] = code;
  }
  return text.length;
}

/** Returns the number of words written. */
function writeUnits(words: Uint32Array, at: number, units: bigint): number {
  if (units === 0n) return 0;
  if (units > maxSafeInteger) {
    let count = 0;
    for (let rest = units; rest > 0n; rest >>= 32n) {
      words[at + count] = Number(BigInt.asUintN(32, rest));
      count += 1;
    }
    return count;
  }
  const number = Number(units);
  words[at] = number % wordLimit;
  if (number < wordLimit) return 1;
  words[at + 1] = Math.floor(number / wordLimit);
  return 2;
}

function readUnits(words: Uint32Array, at: number, count: number): bigint {
  if (count === 0) return 0n;
  const low = words[at] as number;
  if (count === 1) return BigInt(low);
  const middle = words[at + 1] as number;
  if (count === 2 && middle < safeMiddle) return BigInt(middle * wordLimit + low);
  let units = 0n;
  for (let i = count - 1; i >= 0; i -= 1) units = (units << 32n) | BigInt(words[at + i] as number);
  return units;
}

const chunkOf = (position: number) => Math.floor(position / chunkSize);
const offsetOf = (position: number) => position % chunkSize;
const toWords = (bytes: number) => (bytes + 3) >>> 2;

// The head of a record: the bytes of the id, whether it is ASCII, the words of the usage, and its scale.
const idLength = (head: number) => head & 0xffff;
const asciiFlag = 1 << 16;
const usageShift = 17;
const usageWords = (head: number) => (head >>> usageShift) & 7;
const scaleShift = 20;

/** The head, 255 characters of up to four bytes, and a usage. */
const maxRecordWords = 1 + 255 + 4;

function powerOfTen(exponent: number): bigint {
  return powersOfTen[exponent] as bigint;
}

const powersOfTen = Array.from({ length: maxUsageScale + 1 }, (_, i) => 10n ** BigInt(i));

/** Of an account with a short id and a small usage: its record, and its entries in the index. */
export const minBytesPerAccount = 24;

const wordLimit = 2 ** 32;
const maxSafeInteger = BigInt(Number.MAX_SAFE_INTEGER);
/** Below, two words are a safe integer. */
const safeMiddle = 2 ** 21;
