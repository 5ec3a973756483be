import { collectProblem, type ReadVariable, textReader } from "./environment.js";
import { readTlsFiles, type TlsConfig } from "./tls-files.js";

/** Returns undefined when the listeners use plaintext. */
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
  const first = Object.entries({
    TLS_CERT_FILE: certFile,
    TLS_KEY_FILE: keyFile,
    TLS_CLIENT_CA_FILE: clientCaFile,
  }).find(([, file]) => file !== undefined);
  if (first !== undefined) {
    problems.push(
      `${first[0]} is ${JSON.stringify(first[1])}; expected TLS_CERT_FILE and TLS_KEY_FILE, both ` +
        "or neither, and TLS_CLIENT_CA_FILE only with them",
    );
  }
  return undefined;
}
