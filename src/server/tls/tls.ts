import type { SecureContextOptions } from "node:tls";
import type { Logger } from "pino";
import { certVariable, expiryOf, readTlsFiles, type TlsConfig } from "../../config/tls-files.js";
import { type FileMetrics, watchFiles } from "./file-watcher.js";

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

/** Records the reading of the files, and when the certificate expires. */
export type TlsMetrics = FileMetrics & { readonly certificateExpires: (at: Date) => void };

/** Reads the files, and again when they change. @throws Error naming the variable. */
export async function loadTls(config: TlsConfig, metrics: TlsMetrics, log: Logger): Promise<Tls> {
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

/** How long a handshake may take; Node would wait for two minutes. */
const handshakeMs = 10_000;
