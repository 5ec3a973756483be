import { Duplex } from "node:stream";

/** Makes two ends of a connection within this process: what one writes, the other reads. */
export function createConnectionPair(): readonly [Duplex, Duplex] {
  const ends: Duplex[] = [];
  const createEnd = (other: () => Duplex | undefined) =>
    new Duplex({
      read: () => {},
      write: (chunk, _, done) => {
        // Later, as over a network: HTTP/2 sessions do not expect an answer within a write.
        setImmediate(() => {
          other()?.push(chunk);
          done();
        });
      },
      final: (done) => {
        other()?.push(null);
        done();
      },
    });
  const one = createEnd(() => ends[1]);
  const two = createEnd(() => ends[0]);
  ends.push(one, two);
  return [one, two];
}
