import type { Address } from "./address.js";
import { allowOrigins } from "./cors.js";
import type { Door, DoorSurroundings } from "./door.js";
import { createHttpListener } from "./http-listener.js";
import { createHttpServer } from "./http-versions.js";
import { listen } from "./listening.js";
import type { Origins } from "./origins.js";

/** Opens the door for Connect, gRPC-Web and plain JSON over HTTP/1.1 and HTTP/2. */
export async function openHttpDoor(
  address: Address,
  corsOrigins: Origins,
  surroundings: DoorSurroundings,
): Promise<Door> {
  const { limits, tls } = surroundings;
  const { server, close } = createHttpServer(
    allowOrigins(corsOrigins, createHttpListener(surroundings)),
    limits.connections,
    limits.maxStreamTimeoutMs,
    tls,
  );
  return { address: await listen(server, address), close };
}
