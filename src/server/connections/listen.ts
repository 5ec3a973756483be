import { type AddressInfo, createServer, type Server } from "node:net";
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

/** @throws Error that names the environment variable when another program listens at its address. */
export async function requireFreePort(name: string, address: Address): Promise<void> {
  const server = createServer();
  await listenAt(name, address, (at) => listen(server, at));
  await new Promise((resolve) => server.close(resolve));
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
