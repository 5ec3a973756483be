import { type Address, isLoopback, parseAddress } from "./address.js";
import { type ReadVariable, trueOrFalse } from "./environment.js";
import { type Origins, parseOrigins } from "./origins.js";

/** Where callers and operators find the service. */
export type ListenAddresses = {
  readonly grpcAddress: Address;
  readonly httpAddress: Address;
  readonly opsAddress: Address;
  /** Whose pages may call the HTTP door from a browser. */
  readonly corsOrigins: Origins;
};

export function readListenAddresses(read: ReadVariable): ListenAddresses {
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

/**
 * Doors beyond loopback are problems, unless ALLOW_INSECURE says otherwise: where callers are not
 * authenticated; and where their tokens would travel in the clear, for all to read and to use. The
 * door for operators, which takes no tokens and changes nothing, may then be open.
 */
export function requireAuthBeyondLoopback(
  read: ReadVariable,
  config: ListenAddresses,
  { isAuthenticated, isEncrypted }: { isAuthenticated: boolean; isEncrypted: boolean },
  problems: string[],
): void {
  if (read("ALLOW_INSECURE", "false", ...trueOrFalse)) return;
  if (isAuthenticated && isEncrypted) return;
  const doors: Record<string, Address | undefined> = {
    GRPC_ADDR: config.grpcAddress,
    HTTP_ADDR: config.httpAddress,
    ...(!isAuthenticated && { OPS_ADDR: config.opsAddress }),
  };
  const why = isAuthenticated
    ? "tokens would travel in the clear without TLS_CERT_FILE; ALLOW_INSECURE=true says that a " +
      "mesh in front of the service encrypts"
    : "callers are not authenticated without AUTH_TOKENS_FILE or AUTH_JWKS_URL; " +
      "ALLOW_INSECURE=true says that a mesh in front of the service does it";
  for (const [name, address] of Object.entries(doors)) {
    // Undefined: the value is no address, which has been said.
    if (address === undefined || isLoopback(address)) continue;
    problems.push(
      `${name} is ${JSON.stringify(`${address.host}:${address.port}`)}; expected a loopback ` +
        `address like 127.0.0.1, because ${why}`,
    );
  }
}
