import { readFileSync } from "node:fs";
import { type ChannelCredentials, credentials, Metadata } from "@grpc/grpc-js";

/**
 * TLS if LLMPRICES_CA_FILE names the authority, else plaintext, and the token in LLMPRICES_TOKEN.
 */
export function readCredentials(): ChannelCredentials {
  const { LLMPRICES_CA_FILE: caFile, LLMPRICES_TOKEN: token } = process.env;
  const transport = caFile
    ? credentials.createSsl(readFileSync(caFile))
    : credentials.createInsecure();
  if (!token) return transport;
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  // Throws without TLS.
  return transport.compose(
    credentials.createFromMetadataGenerator((_, done) => done(null, metadata)),
  );
}
