import { createYieldTimer } from "../async/yield-to-event-loop.js";
import type { Instant } from "../domain/instant.js";
import type { RateCardRow, TimelineRow } from "../store/timelines/price-book-feed.js";
import { hashAudience, hashInScope, hashScope, hashText } from "./key-hash.js";
import { Records, sizeOf } from "./packed-records.js";
import { Shard, shardOf } from "./shard.js";
import { PriceBookSnapshot } from "./snapshot.js";
import { SpecificityIndex } from "./specificity-index.js";

/** Builds the next snapshot. Packs timelines as they arrive. */
export class SnapshotBuilder {
  readonly #base: PriceBookSnapshot;
  readonly #specificities: SpecificityIndex;
  /** Buffers with the added records. */
  readonly #pieces: Records[] = [];
  #end = pieceBytes;
  /** For each shard, where its records begin: index of the piece × `pieceBytes` + offset. */
  readonly #added = new Map<number, number[]>();
  readonly #rateCards: RateCardRow[] = [];

  constructor(base: PriceBookSnapshot) {
    this.#base = base;
    this.#specificities =
      base === PriceBookSnapshot.none ? new SpecificityIndex() : base.specificities;
  }

  /** Adds the timeline of a key, which replaces the one of the base. Add each key only once. */
  add(row: TimelineRow): void {
    const size = sizeOf(row);
    const piece = this.#pieceWith(size);
    const { key } = row;
    const scope = hashScope(hashAudience(key), hashText(key.provider));
    const hash = hashInScope(scope, hashText(key.chargeType), hashText(key.model));
    this.#specificities.add(scope, key);
    piece.write(this.#end, hash, row);
    const index = shardOf(hash);
    const places = this.#added.get(index) ?? [];
    if (places.length === 0) this.#added.set(index, places);
    places.push((this.#pieces.length - 1) * pieceBytes + this.#end);
    this.#end += size;
  }

  /** Adds the timeline of a rate card in the same way. */
  addRateCard(row: RateCardRow): void {
    this.#rateCards.push(row);
  }

  /** Builds the snapshot. Yields to the event loop, because an import may change every key. */
  async finish(version: bigint, changedAt: Instant): Promise<PriceBookSnapshot> {
    const shards = [...this.#base.shards];
    const timer = createYieldTimer();
    for (const [index, places] of this.#added) {
      const added = Buffer.concat(places.map((place) => this.#recordAt(place)));
      shards[index] = (shards[index] ?? Shard.empty).with(added);
      if (timer.isDue()) await timer.yield();
    }
    const rateCards = this.#base.rateCards.with(this.#rateCards);
    return new PriceBookSnapshot(version, changedAt, shards, this.#specificities, rateCards);
  }

  /** Returns a piece with room for a record. A record larger than a piece gets its own. */
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
/** Small, because most changes change only one or two keys. */
const firstPieceBytes = 16 * 1024;
