import { createPrivateKey, X509Certificate } from "node:crypto";
import type { SecureContextOptions } from "node:tls";
import { createSecureContext } from "node:tls";
import type { Logger } from "pino";
import { readNamedFile } from "../../config/named-file.js";
import type { Metrics } from "../ops/metrics.js";
import { watchFiles } from "./file-watcher.js";

/** The files that both doors speak TLS with, in PEM. Can be sent to another process. */
export type TlsConfig = {
  readonly certFile: string;
  readonly keyFile: string;
  /** The authorities whose certificates callers must show. Undefined: they need not show any. */
  readonly clientCaFile: string | undefined;
};

/** What both doors speak TLS with. */
export type Tls = {
  /** What a server needs to know of its callers. */
  readonly server: {
    readonly requestCert: boolean;
    readonly rejectUnauthorized: boolean;
    readonly handshakeTimeout: number;
  };
  /** What new connections begin with. */
  readonly context: () => SecureContextOptions;
  /** Has `listener` told when there is another context. */
  readonly onContext: (listener: (context: SecureContextOptions) => void) => void;
  readonly close: () => void;
};

/** Reads the files, and again when they change. @throws Error naming the variable. */
export async function openTls(
  config: TlsConfig,
  metrics: Pick<Metrics, "fileRead" | "certificateExpires">,
  log: Logger,
): Promise<Tls> {
  const { certFile, keyFile, clientCaFile } = config;
  const listeners: ((context: SecureContextOptions) => void)[] = [];
  const paths = [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])];
  const show = (context: SecureContextOptions) => {
    const expires = expiryOf(String(context.cert));
    metrics.fileRead(certVariable, true);
    metrics.certificateExpires(expires);
    return { variable: certVariable, expires };
  };
  const files = await watchFiles(paths, () => readTlsFiles(config), {
    onRead: (context) => {
      log.info(show(context), "read a changed file");
      for (const listener of listeners) listener(context);
    },
    onBroken: ({ message }) => {
      metrics.fileRead(certVariable, false);
      log.error({ variable: certVariable, problem: message }, "kept what a file had before");
    },
  });
  show(files.current());
  const isMutual = clientCaFile !== undefined;
  return {
    server: { requestCert: isMutual, rejectUnauthorized: isMutual, handshakeTimeout: handshakeMs },
    context: files.current,
    onContext: (listener) => listeners.push(listener),
    close: files.close,
  };
}

/**
 * Reads a certificate, its key and whom to trust, and sees that they are fit to serve with.
 *
 * @throws Error naming the variable and what is wrong with its file.
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
  // What OpenSSL has against them beside all that, like a key that is too short.
  return readNamedFile(certVariable, certFile, () => createSecureContext(context) && context);
}

function expiryOf(pem: string): Date {
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

/** Each of them readable: OpenSSL passes over what is not, and would trust fewer than were meant. */
function splitCertificates(pem: string): string[] {
  const begin = /(?=-----BEGIN [A-Z0-9 ]*CERTIFICATE-----)/;
  const certificates = pem.split(begin).filter((text) => text.startsWith("-----BEGIN"));
  if (certificates.length === 0) parseCertificate(pem);
  for (const certificate of certificates) parseCertificate(certificate);
  return certificates;
}

const certVariable = "TLS_CERT_FILE";
/** How long a handshake may take; Node would wait for two minutes. */
const handshakeMs = 10_000;
