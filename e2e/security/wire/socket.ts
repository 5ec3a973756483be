import { connect } from "node:net";
import type { Address } from "../../../src/config/address.js";

/** The bytes received over a connection, and whether the other side closed it. */
export type Heard = { readonly bytes: Buffer; readonly isClosed: boolean };

/**
 * Sends bytes over a new connection. Reads until the other side closes it, `isEnough` returns true, or
 * nothing arrives for `quietMs`.
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
    // ECONNRESET is a rejection as well.
    socket.on("error", () => end(true));
    socket.write(bytes);
  });
}

const mostHeardBytes = 1_000_000;
