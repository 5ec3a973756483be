import type { Http2Session } from "node:http2";
import { findStreamTable } from "../../library-internals/private-fields.js";

/**
 * Makes a session release its streams when they end. Node keeps open streams in a Map, and V8 often
 * replaces the hash table of a Map with so many additions and deletions. A replaced table points to
 * its successor and still holds the streams that were open then. Once one table is in the old
 * generation, all its successors and their streams stay in memory until a full garbage collection.
 * Keeping them takes a tenth of a server's time.
 *
 * Uses a private field of Node, and does nothing if the field is not as expected. Call this before
 * the session has any stream.
 */
export function patchStreamMap(session: Http2Session): void {
  const holder = findStreamTable(session);
  if (holder?.streams.size === 0) holder.streams = new StreamMap();
}

type Box = { stream: unknown };

/** A Map whose hash table holds boxes. `delete` empties the box, so that old tables hold no stream. */
class StreamMap extends Map<number, unknown> {
  override get(id: number): unknown {
    return (super.get(id) as Box | undefined)?.stream;
  }

  override set(id: number, stream: unknown): this {
    return super.set(id, { stream } satisfies Box);
  }

  override delete(id: number): boolean {
    const box = super.get(id) as Box | undefined;
    if (box !== undefined) box.stream = undefined;
    return super.delete(id);
  }

  override *entries(): MapIterator<[number, unknown]> {
    for (const [id, box] of super.entries()) yield [id, (box as Box).stream];
  }

  override *values(): MapIterator<unknown> {
    for (const box of super.values()) yield (box as Box).stream;
  }

  override [Symbol.iterator](): MapIterator<[number, unknown]> {
    return this.entries();
  }

  override forEach(work: (stream: unknown, id: number, streams: Map<number, unknown>) => void) {
    for (const [id, stream] of this.entries()) work(stream, id, this);
  }
}
