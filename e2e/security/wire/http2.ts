import { type ClientHttp2Session, connect } from "node:http2";
import { type Address, formatAddress } from "../../../src/config/address.js";
import {
  patienceMs,
  type ReadableHeaders,
  type Received,
  type Sent,
  type Wire,
} from "./exchange.js";

/** Sends requests over one HTTP/2 connection, and reconnects when it is closed. */
export function openHttp2(address: Address): Wire {
  let session: ClientHttp2Session | undefined;
  const openSession = () => {
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    session = connect(`http://${formatAddress(address)}`);
    // Streams that wait for a response get an error of their own.
    session.on("error", () => {});
    return session;
  };
  return {
    exchange: (sent) => exchange(openSession(), sent),
    close: () => session?.destroy(),
  };
}

function exchange(session: ClientHttp2Session, { path, headers, body }: Sent): Promise<Received> {
  return new Promise((resolve) => {
    const stream = session.request({ ":method": "POST", ":path": path, ...headers });
    const chunks: Buffer[] = [];
    let head: ReadableHeaders & { ":status"?: number } = {};
    let trailers: ReadableHeaders = {};
    const timer = setTimeout(() => {
      stream.close();
      resolve({ lost: "no answer in time" });
    }, patienceMs);
    stream.on("response", (received) => {
      head = received as typeof head;
    });
    stream.on("trailers", (received) => {
      trailers = received as ReadableHeaders;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    // After an error comes `close`, which has the code.
    stream.on("error", () => {});
    stream.on("close", () => {
      clearTimeout(timer);
      const status = head[":status"];
      // A server that has answered may reset a request that it did not read to its end.
      if (status === undefined || (stream.rstCode !== 0 && !stream.readableEnded)) {
        return resolve({ lost: `reset ${stream.rstCode}` });
      }
      resolve({ status, headers: head, trailers, body: Buffer.concat(chunks) });
    });
    stream.end(body);
  });
}
