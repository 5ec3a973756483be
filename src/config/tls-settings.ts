import { collectProblem, type ReadVariable, textReader } from "./environment.js";
import { readTlsFiles, type TlsConfig } from "./tls-files.js";

/** Undefined: the doors speak plain text. */
export function readTls(read: ReadVariable, problems: string[]): TlsConfig | undefined {
  const path = textReader(read);
  const certFile = path("TLS_CERT_FILE");
  const keyFile = path("TLS_KEY_FILE");
  const clientCaFile = path("TLS_CLIENT_CA_FILE");
  if (certFile !== undefined && keyFile !== undefined) {
    const config = { certFile, keyFile, clientCaFile };
    collectProblem(() => readTlsFiles(config), problems);
    return config;
  }
  const alone = Object.entries({
    TLS_CERT_FILE: certFile,
    TLS_KEY_FILE: keyFile,
    TLS_CLIENT_CA_FILE: clientCaFile,
  }).find(([, file]) => file !== undefined);
  if (alone !== undefined) {
    problems.push(
      `${alone[0]} is ${JSON.stringify(alone[1])}; expected TLS_CERT_FILE and TLS_KEY_FILE, both ` +
        "or neither, and TLS_CLIENT_CA_FILE only with them",
    );
  }
  return undefined;
}
