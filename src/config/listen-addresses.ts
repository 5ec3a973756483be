import { type Address, isLoopback, parseAddress } from "./address.js";
import { type ReadVariable, trueOrFalse } from "./environment.js";
import { type Origins, parseOrigins } from "./origins.js";

/** The addresses for clients and operators. */
export type ListenAddresses = {
  readonly grpcAddress: Address;
  readonly httpAddress: Address;
  readonly opsAddress: Address;
  /** The origins of pages that may call the HTTP server from a browser. */
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
 * Reports listeners beyond loopback, unless ALLOW_INSECURE is true, when callers are not
 * authenticated, or when their tokens would be sent unencrypted. In the second case the ops server,
 * which takes no tokens and changes nothing, is allowed.
 */
export function requireAuthBeyondLoopback(
  read: ReadVariable,
  config: ListenAddresses,
  { isAuthenticated, isEncrypted }: { isAuthenticated: boolean; isEncrypted: boolean },
  problems: string[],
): void {
  if (read("ALLOW_INSECURE", "false", ...trueOrFalse)) return;
  if (isAuthenticated && isEncrypted) return;
  const addresses: Record<string, Address | undefined> = {
    GRPC_ADDR: config.grpcAddress,
    HTTP_ADDR: config.httpAddress,
    ...(!isAuthenticated && { OPS_ADDR: config.opsAddress }),
  };
  const reason = isAuthenticated
    ? "tokens would travel in the clear without TLS_CERT_FILE; ALLOW_INSECURE=true says that a " +
      "mesh in front of the service encrypts"
    : "callers are not authenticated without AUTH_TOKENS_FILE or AUTH_JWKS_URL; " +
      "ALLOW_INSECURE=true says that a mesh in front of the service does it";
  for (const [name, address] of Object.entries(addresses)) {
    // Undefined: the value is invalid, which is already reported.
    if (address === undefined || isLoopback(address)) continue;
    problems.push(
      `${name} is ${JSON.stringify(`${address.host}:${address.port}`)}; expected a loopback ` +
        `address like 127.0.0.1, because ${reason}`,
    );
  }
}
