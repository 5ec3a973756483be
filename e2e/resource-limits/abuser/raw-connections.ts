import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Address } from "../../../src/config/address.js";
import { type AbuseContext, repeatedly } from "../abuse.js";

/**
 * Keeps `count` connections open until the signal aborts. `converse` uses each until it returns or the
 * service closes it. Then another one is opened.
 */
export function withConnections(
  { signal, count }: Pick<AbuseContext, "signal" | "count">,
  address: Address & { readonly localAddress?: string },
  connections: number,
  converse: (socket: Socket, line: number) => Promise<unknown>,
): Promise<void> {
  return repeatedly(connections, signal, async (line) => {
    const socket = connect({ ...address, noDelay: true });
    const destroy = () => socket.destroy();
    signal.addEventListener("abort", destroy);
    socket.on("error", () => {});
    const closed = once(socket, "close").catch(() => {});
    await Promise.race([once(socket, "connect").catch(() => {}), closed]);
    if (!socket.destroyed) {
      count("connections");
      // What the service sends is read, but not used. `converse` may pause this.
      socket.resume();
      await Promise.race([converse(socket, line), closed]);
    }
    signal.removeEventListener("abort", destroy);
    socket.destroy();
    // Without a listener, or in between two restarts, each attempt fails at once.
    await sleep(1);
  });
}

/** Sends bytes as fast as the service accepts them. Rejects when the connection is closed. */
export async function send(socket: Socket, bytes: Buffer | string): Promise<void> {
  if (socket.destroyed || socket.writableEnded) throw new Error("the connection is closed");
  if (socket.write(bytes)) return;
  await new Promise<void>((resolve, reject) => {
    const onDrain = () => {
      socket.off("close", onClose);
      resolve();
    };
    const onClose = () => {
      socket.off("drain", onDrain);
      reject(new Error("the connection is closed"));
    };
    socket.once("drain", onDrain).once("close", onClose);
  });
}

/** Repeats `work`, which sends, until the connection is closed. */
export async function sendRepeatedly(work: (round: number) => Promise<unknown>): Promise<void> {
  try {
    for (let round = 0; ; round += 1) await work(round);
  } catch {
    // The service has closed the connection, or the abuse is over.
  }
}

/** Waits until the connection is closed. */
export async function hold(socket: Socket): Promise<void> {
  if (!socket.destroyed) await once(socket, "close").catch(() => {});
}
