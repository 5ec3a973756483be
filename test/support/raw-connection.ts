import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type Http2Frame, readHttp2Frames } from "../../e2e/support/http2-frames.js";
import type { Address } from "../../src/config/address.js";

/** A connection that sends any bytes. */
export type RawConnection = {
  readonly socket: Socket;
  /** The frames that have been received. */
  readonly frames: () => readonly Http2Frame[];
  /** What has been received. */
  readonly received: () => Buffer;
  /** Resolves when the server has ended the connection. */
  readonly ended: Promise<unknown>;
  readonly hasEnded: () => boolean;
};

export type RawOptions = {
  /** The address to connect from. */
  readonly localAddress?: string;
  /** The client does not end its side when the server does. */
  readonly allowHalfOpen?: boolean;
};

/** Connects, and sends the first bytes. */
export async function connectRaw(
  { host, port }: Address,
  bytes: Buffer | string = "",
  options: RawOptions = {},
): Promise<RawConnection> {
  const socket = connect({ host, port, noDelay: true, ...options });
  const chunks: Buffer[] = [];
  const received = () => Buffer.concat(chunks);
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      hasEnded = true;
      resolve();
    };
    socket.on("end", end).on("error", end).on("close", end);
  });
  socket.on("data", (chunk) => chunks.push(chunk));
  await Promise.race([once(socket, "connect"), ended]);
  socket.write(bytes);
  const frames = () => readHttp2Frames(received());
  return { socket, received, frames, ended, hasEnded: () => hasEnded };
}
