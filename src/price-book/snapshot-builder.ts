import { createYieldTimer } from "../async/yield-to-event-loop.js";
import type { Instant } from "../domain/instant.js";
import type { TimelineRow } from "../store/prices/price-book-feed.js";
import { hashKey } from "./key-hash.js";
import { Records, sizeOf } from "./packed-records.js";
import { Shard } from "./shard.js";
import { PriceBookSnapshot, shardOf } from "./snapshot.js";

/** The next version of the book in the making: timelines are packed as they come in. */
export class SnapshotBuilder {
  readonly #base: PriceBookSnapshot;
  /** The records added, one after the other, in pieces. */
  readonly #pieces: Records[] = [];
  #end = pieceBytes;
  /** Where the records of each shard begin: the piece's number times its size, plus the offset. */
  readonly #added = new Map<number, number[]>();

  constructor(base: PriceBookSnapshot) {
    this.#base = base;
  }

  /** Adds a key's timeline, in place of the one that it has had. Each key once. */
  add(row: TimelineRow): void {
    const size = sizeOf(row);
    const piece = this.#pieceWith(size);
    const hash = hashKey(row.key);
    piece.write(this.#end, hash, row);
    const index = shardOf(hash);
    const places = this.#added.get(index) ?? [];
    if (places.length === 0) this.#added.set(index, places);
    places.push((this.#pieces.length - 1) * pieceBytes + this.#end);
    this.#end += size;
  }

  /** Takes turns with other work: an import may change every key. */
  async finish(version: bigint, changedAt: Instant): Promise<PriceBookSnapshot> {
    const shards = [...this.#base.shards];
    const timer = createYieldTimer();
    for (const [index, places] of this.#added) {
      const added = Buffer.concat(places.map((place) => this.#recordAt(place)));
      shards[index] = (shards[index] ?? Shard.empty).with(added);
      if (timer.isDue()) await timer.yield();
    }
    return new PriceBookSnapshot(version, changedAt, shards);
  }

  /** A piece that has room for a record. One that is longer than a piece gets a piece of its own. */
  #pieceWith(size: number): Records {
    const last = this.#pieces.at(-1);
    if (last !== undefined && this.#end + size <= last.bytes.length) return last;
    const bytes = this.#pieces.length === 0 ? firstPieceBytes : pieceBytes;
    const piece = new Records(Buffer.alloc(Math.max(size, bytes)));
    this.#pieces.push(piece);
    this.#end = 0;
    return piece;
  }

  #recordAt(place: number): Buffer {
    const piece = this.#pieces[Math.floor(place / pieceBytes)] as Records;
    const offset = place % pieceBytes;
    return piece.bytes.subarray(offset, piece.endOf(offset));
  }
}

const pieceBytes = 1024 * 1024;
/** Most changes change a key or two. */
const firstPieceBytes = 16 * 1024;
