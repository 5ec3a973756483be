import { Duplex } from "node:stream";

/** Returns the two ends of a connection within this process: each reads what the other writes. */
export function createConnectionPair(): readonly [Duplex, Duplex] {
  const ends: Duplex[] = [];
  const createEnd = (other: () => Duplex | undefined) =>
    new Duplex({
      read: () => {},
      write: (chunk, _, done) => {
        // Asynchronous, as over a network: an HTTP/2 session expects no response during a write.
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
