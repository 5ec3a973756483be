import { lookup } from "node:dns/promises";
import { type AddressInfo, connect, type Server } from "node:net";
import { type Address, formatAddress } from "../../config/address.js";

/** Starts to listen. Returns the address, with the actual port if the configured port is 0. */
export async function listen(server: Server, address: Address): Promise<Address> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { ...address, port };
}

/**
 * Checks that a listener can listen at an address. Binds a client's socket: a listener would accept
 * connections, and reset them when it closes.
 *
 * @throws Error that names the environment variable when another program listens at its address.
 */
export async function requireFreePort(name: string, address: Address): Promise<void> {
  await listenAt(name, address, async ({ host, port }) => {
    const { address: ip } = await lookup(host);
    // Node binds a socket when it connects.
    const socket = connect({ host: ip, port: unusedPort, localAddress: ip, localPort: port });
    const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      socket.once("connect", () => resolve(undefined));
      socket.once("timeout", () => resolve(undefined));
      socket.on("error", resolve);
      socket.setTimeout(connectMs);
    });
    socket.destroy();
    if (error !== undefined && error.code !== "ECONNREFUSED") throw error;
  });
}

/**
 * Starts a listener with `start`.
 *
 * @throws Error that names the environment variable when its address cannot be listened on.
 */
export async function listenAt<L>(
  name: string,
  address: Address,
  start: (address: Address) => Promise<L>,
): Promise<L> {
  try {
    return await start(address);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const problem =
      code === "EADDRINUSE"
        ? `port ${address.port} is in use; stop the program that has it, or set ${name}`
        : `cannot listen there: ${message}`;
    throw new Error(`${name} is ${formatAddress(address)}: ${problem}`);
  }
}

/** Reserved for a service that no system runs any more (RFC 7805). */
const unusedPort = 1;
const connectMs = 1000;
