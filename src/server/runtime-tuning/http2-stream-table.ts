import type { Http2Session } from "node:http2";
import { findStreamTable } from "../../library-internals/private-fields.js";

/**
 * Has a session forget its streams when they end. Node keeps the open ones in a Map, and V8 replaces
 * the table of a Map with so many comings and goings again and again. A table that is replaced leads
 * to the next one and holds what was open then; once one of them has grown old, all that follow stay,
 * with all that belongs to those streams, until the garbage of the whole heap is collected: to keep
 * them until then takes a tenth of a server's time.
 *
 * Reaches for what Node keeps to itself, and leaves alone what it does not know. To be called before
 * the session has any stream.
 */
export function patchStreamMap(session: Http2Session): void {
  const holder = findStreamTable(session);
  if (holder?.streams.size === 0) holder.streams = new StreamMap();
}

type Box = { stream: unknown };

/** A Map to whoever uses it. What tables hold on to are boxes, which are emptied. */
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
