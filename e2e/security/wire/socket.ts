import { connect } from "node:net";
import type { Address } from "../../../src/config/address.js";

/** What came over a connection, and whether the other side has closed it. */
export type Heard = { readonly bytes: Buffer; readonly isClosed: boolean };

/**
 * Sends bytes over a connection of their own and listens until the other side closes it or `isEnough`
 * has been received, and for `quietMs` at most when nothing comes any more.
 */
export function talk(
  { host, port }: Address,
  bytes: Buffer,
  quietMs: number,
  isEnough: (received: Buffer) => boolean = () => false,
): Promise<Heard> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let heardBytes = 0;
    const socket = connect(port, host);
    const end = (isClosed: boolean) => {
      socket.destroy();
      resolve({ bytes: Buffer.concat(chunks), isClosed });
    };
    socket.setTimeout(quietMs, () => end(false));
    socket.on("data", (chunk) => {
      heardBytes += chunk.length;
      // The beginning of an endless response is enough.
      if (heardBytes <= mostHeardBytes) chunks.push(chunk);
      if (isEnough(Buffer.concat(chunks))) end(false);
    });
    socket.on("end", () => end(true));
    // Reset: what was sent is rejected in the shortest way.
    socket.on("error", () => end(true));
    socket.write(bytes);
  });
}

const mostHeardBytes = 1_000_000;
