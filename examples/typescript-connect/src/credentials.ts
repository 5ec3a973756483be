import { readFileSync } from "node:fs";
import type { Interceptor } from "@connectrpc/connect";

/**
 * The options of a transport: TLS if LLMPRICES_CA_FILE names the authority, else plaintext, and the
 * token in LLMPRICES_TOKEN.
 */
export function readCredentials(address: string) {
  const { LLMPRICES_CA_FILE: caFile, LLMPRICES_TOKEN: token } = process.env;
  if (token && !caFile) throw new Error("a token is sent over TLS only: set LLMPRICES_CA_FILE");
  return {
    baseUrl: `${caFile ? "https" : "http"}://${address}`,
    nodeOptions: caFile ? { ca: readFileSync(caFile) } : {},
    interceptors: token ? [sendToken(token)] : [],
  };
}

/** Sends a token with every call. */
function sendToken(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}
