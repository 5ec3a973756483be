import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { readNamedFile } from "./named-file.js";

/** The variable in error messages about the certificate. */
export const certVariable = "TLS_CERT_FILE";

/** The PEM files for TLS on both listeners. Can be sent to another process. */
export type TlsConfig = {
  readonly certFile: string;
  readonly keyFile: string;
  /** The authorities of client certificates. Undefined: clients need no certificate. */
  readonly clientCaFile: string | undefined;
};

/**
 * Reads the certificate, its key and the client authorities, and validates them.
 *
 * @throws Error with the variable and the problem of its file.
 */
export function readTlsFiles({ certFile, keyFile, clientCaFile }: TlsConfig): SecureContextOptions {
  const cert = readNamedFile(certVariable, certFile, (pem) => {
    const expires = expiryOf(pem);
    if (expires.getTime() > Date.now()) return pem;
    throw new Error(`its certificate expired at ${expires.toISOString()}`);
  });
  const key = readNamedFile("TLS_KEY_FILE", keyFile, (pem) => {
    if (parseCertificate(cert).checkPrivateKey(parseKey(pem))) return pem;
    throw new Error(`its key is not that of the certificate in ${certVariable}`);
  });
  const ca =
    clientCaFile === undefined
      ? {}
      : { ca: readNamedFile("TLS_CLIENT_CA_FILE", clientCaFile, splitCertificates) };
  const context = { cert, key, ...ca, minVersion: "TLSv1.2" } as const;
  // OpenSSL rejects more, for example a key that is too short.
  return readNamedFile(certVariable, certFile, () => createSecureContext(context) && context);
}

/** Returns when a PEM certificate expires. @throws Error when it is not a certificate. */
export function expiryOf(pem: string): Date {
  return new Date(parseCertificate(pem).validTo);
}

function parseCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new Error("it has no certificate; expected PEM, -----BEGIN CERTIFICATE-----", { cause });
  }
}

function parseKey(pem: string) {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const message = "it has no key that can be read; expected PEM, and no passphrase";
    throw new Error(message, { cause });
  }
}

/** Splits certificates and parses each: OpenSSL ignores invalid ones, and would trust too few. */
function splitCertificates(pem: string): string[] {
  const begin = /(?=-----BEGIN [A-Z0-9 ]*CERTIFICATE-----)/;
  const certificates = pem.split(begin).filter((text) => text.startsWith("-----BEGIN"));
  if (certificates.length === 0) parseCertificate(pem);
  for (const certificate of certificates) parseCertificate(certificate);
  return certificates;
}
