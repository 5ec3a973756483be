import type { SecureContextOptions } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";
import type { Tls } from "../tls/tls.js";

/** Returns grpc-js's credentials: plain text, or TLS with the current certificate files. */
export function toCredentials(tls: Tls | undefined): ServerCredentials {
  return tls === undefined ? ServerCredentials.createInsecure() : new ReloadingCredentials(tls);
}

/**
 * Uses a new TLS context whenever the certificate files change. grpc-js's own credentials of this
 * kind are experimental and do not check the files.
 */
class ReloadingCredentials extends ServerCredentials {
  constructor(tls: Tls) {
    super(tls.server, tls.context());
    tls.onContext((context: SecureContextOptions) => this.updateSecureContextOptions(context));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
