import { generateKeyPairSync, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import forge from "node-forge";
import { createTemporaryFolder } from "./temporary-folder.js";

/** A certificate and its key in PEM. They can sign other certificates. */
export type TestCertificate = { readonly cert: string; readonly key: string };

export type CertificateOptions = {
  readonly name?: string;
  readonly expiresAt?: Date;
  /** The certificate that signs this one. Undefined: it is self-signed. */
  readonly by?: TestCertificate;
};

/** Creates a certificate for localhost and 127.0.0.1, for a server or a client. */
export function createCertificate({
  name = "localhost",
  expiresAt = new Date(Date.now() + 86_400_000),
  by,
}: CertificateOptions = {}): TestCertificate {
  const key = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(key.publicKey);
  // Go rejects a serial number that is negative or begins with a superfluous zero.
  certificate.serialNumber = `01${randomBytes(8).toString("hex")}`;
  certificate.validity.notBefore = new Date(Date.now() - 2 * 86_400_000);
  certificate.validity.notAfter = expiresAt;
  const subject = [{ name: "commonName", value: name }];
  const issuer = by && forge.pki.certificateFromPem(by.cert).subject.attributes;
  certificate.setSubject(subject);
  certificate.setIssuer(issuer ?? subject);
  certificate.setExtensions([
    { name: "basicConstraints", cA: by === undefined },
    {
      name: "subjectAltName",
      altNames: [
        { type: 2, value: "localhost" },
        { type: 7, ip: "127.0.0.1" },
      ],
    },
  ]);
  const signingKey = forge.pki.privateKeyFromPem((by ?? { key: key.privateKey }).key);
  certificate.sign(signingKey, forge.md.sha256.create());
  return { cert: forge.pki.certificateToPem(certificate), key: key.privateKey };
}

/** Creates a service's TLS configuration, and the certificate authority that its clients trust. */
export function createTlsFiles() {
  const { cert, key } = createCertificate();
  const folder = createTemporaryFolder("tls");
  const [certFile, keyFile] = [join(folder, "server.pem"), join(folder, "server.key")];
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  return { tls: { certFile, keyFile, clientCaFile: undefined }, trust: { ca: cert } };
}
