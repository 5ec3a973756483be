import type { AddressInfo, Server } from "node:net";
import { type Address, formatAddress } from "../../config/address.js";

/** Starts to listen, and answers where: with the real port where any was asked for. */
export async function listen(server: Server, address: Address): Promise<Address> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { ...address, port };
}

/** @throws Error naming the variable when its address cannot be listened on. */
export async function listenAt<D>(
  name: string,
  address: Address,
  start: (address: Address) => Promise<D>,
): Promise<D> {
  try {
    return await start(address);
  } catch (error) {
    const problem = (error as Error).message;
    throw new Error(`${name} is ${formatAddress(address)}: cannot listen there: ${problem}`);
  }
}
