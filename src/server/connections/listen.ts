import type { AddressInfo, Server } from "node:net";
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
    const problem = (error as Error).message;
    throw new Error(`${name} is ${formatAddress(address)}: cannot listen there: ${problem}`);
  }
}
