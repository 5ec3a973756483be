import type { SecureContextOptions } from "node:tls";
import type { Logger } from "pino";
import { certVariable, expiryOf, readTlsFiles, type TlsConfig } from "../../config/tls-files.js";
import { type FileMetrics, watchFiles } from "./file-watcher.js";

/** The TLS settings of the gRPC and HTTP listeners. */
export type Tls = {
  /** How a server checks its clients. */
  readonly server: {
    readonly requestCert: boolean;
    readonly rejectUnauthorized: boolean;
    readonly handshakeTimeout: number;
  };
  /** Returns the certificate and key for new connections. */
  readonly context: () => SecureContextOptions;
  /** Calls `listener` with each new context. */
  readonly onContext: (listener: (context: SecureContextOptions) => void) => void;
  readonly close: () => void;
};

/** Records whether the files could be read, and when the certificate expires. */
export type TlsMetrics = FileMetrics & { readonly certificateExpires: (at: Date) => void };

/**
 * Reads the certificate files, and reads them again when they change.
 *
 * @throws Error naming the variable when a file cannot be read or used.
 */
export async function loadTls(config: TlsConfig, metrics: TlsMetrics, log: Logger): Promise<Tls> {
  const { certFile, keyFile, clientCaFile } = config;
  const listeners: ((context: SecureContextOptions) => void)[] = [];
  const paths = [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])];
  const recordContext = (context: SecureContextOptions) => {
    const expires = expiryOf(String(context.cert));
    metrics.fileRead(certVariable, true);
    metrics.certificateExpires(expires);
    return { variable: certVariable, expires };
  };
  const files = await watchFiles(paths, () => readTlsFiles(config), {
    onRead: (context) => {
      log.info(recordContext(context), "read a changed file");
      for (const listener of listeners) listener(context);
    },
    onBroken: ({ message }) => {
      metrics.fileRead(certVariable, false);
      log.error({ variable: certVariable, problem: message }, "kept what a file had before");
    },
  });
  recordContext(files.current());
  const isMutual = clientCaFile !== undefined;
  return {
    server: { requestCert: isMutual, rejectUnauthorized: isMutual, handshakeTimeout: handshakeMs },
    context: files.current,
    onContext: (listener) => listeners.push(listener),
    close: files.close,
  };
}

/** How long a handshake may take. Node.js's default is two minutes. */
const handshakeMs = 10_000;
