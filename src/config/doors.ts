import { type Address, isLoopback, parseAddress } from "../server/address.js";
import { type Origins, parseOrigins } from "../server/origins.js";
import { type Read, trueOrFalse } from "./reader.js";

/** Where callers and operators find the service. */
export type DoorsConfig = {
  readonly grpcAddress: Address;
  readonly httpAddress: Address;
  readonly opsAddress: Address;
  /** Whose pages may call the HTTP door from a browser. */
  readonly corsOrigins: Origins;
};

export function readDoors(read: Read): DoorsConfig {
  return {
    grpcAddress: read("GRPC_ADDR", "127.0.0.1:50051", "host:port", parseAddress),
    httpAddress: read("HTTP_ADDR", "127.0.0.1:8080", "host:port", parseAddress),
    opsAddress: read("OPS_ADDR", "127.0.0.1:9090", "host:port", parseAddress),
    corsOrigins:
      read(
        "CORS_ORIGINS",
        undefined,
        "origins like https://app.example.com, comma-separated, as browsers send them: without " +
          "path, default port or wildcard",
        parseOrigins,
      ) ?? new Set(),
  };
}

/** Doors beyond loopback are problems, unless ALLOW_INSECURE says otherwise. */
export function refuseOpenDoors(read: Read, config: DoorsConfig, problems: string[]): void {
  if (read("ALLOW_INSECURE", "false", ...trueOrFalse)) return;
  const doors: Record<string, Address | undefined> = {
    GRPC_ADDR: config.grpcAddress,
    HTTP_ADDR: config.httpAddress,
    OPS_ADDR: config.opsAddress,
  };
  for (const [name, address] of Object.entries(doors)) {
    // Undefined: the value is no address, which has been said.
    if (address === undefined || isLoopback(address)) continue;
    problems.push(
      `${name} is ${JSON.stringify(`${address.host}:${address.port}`)}; expected a loopback ` +
        "address like 127.0.0.1, because callers are not authenticated; ALLOW_INSECURE=true says " +
        "that a mesh in front of the service does it",
    );
  }
}
