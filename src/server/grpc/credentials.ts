import type { SecureContextOptions } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";
import type { Tls } from "../tls/tls.js";

/** What grpc-js speaks: plain text, or TLS with what the files of the moment have. */
export function toCredentials(tls: Tls | undefined): ServerCredentials {
  return tls === undefined ? ServerCredentials.createInsecure() : new FollowingCredentials(tls);
}

/** As those that grpc-js makes of files, which it does not check, and offers as an experiment only. */
class FollowingCredentials extends ServerCredentials {
  constructor(tls: Tls) {
    super(tls.server, tls.context());
    tls.onContext((context: SecureContextOptions) => this.updateSecureContextOptions(context));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
