import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
} from "jose";
import type { AuthConfig } from "../../src/config/auth-config.js";

/** An issuer on the loopback interface that signs JWTs and publishes its keys as a JWKS. */
export type TestIssuer = {
  readonly auth: AuthConfig;
  /** Signs the claims of a valid token, with the given changes. */
  readonly sign: (changes?: TestClaims, key?: SigningKey) => Promise<string>;
  readonly key: SigningKey;
  /** Publishes an additional key. */
  readonly addKey: (id: string) => Promise<SigningKey>;
  /** Sets the HTTP status of later responses. Undefined: 200. */
  setStatus: (status: number | undefined) => void;
  /** Returns how often clients fetched the keys. */
  readonly fetches: () => number;
  readonly stop: () => Promise<void>;
};

export type SigningKey = {
  readonly id: string;
  readonly algorithm: string;
  readonly key: CryptoKey;
  readonly publicPem?: string;
};

/** Claims of any form. A claim whose value is undefined is missing. */
export type TestClaims = Readonly<Record<string, unknown>>;

const issuer = "https://issuer.example.com";
const audience = "llmprices";

export async function startIssuer(): Promise<TestIssuer> {
  const published: object[] = [];
  let fetches = 0;
  let status: number | undefined;
  const server = createServer((_, response) => {
    fetches += 1;
    response.writeHead(status ?? 200, { "content-type": "application/json" });
    response.end(JSON.stringify({ keys: published }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const addKey = async (id: string) => {
    const algorithm = "ES256";
    const { publicKey, privateKey } = await generateKeyPair(algorithm);
    published.push({ ...(await exportJWK(publicKey)), kid: id, alg: algorithm, use: "sig" });
    return { id, algorithm, key: privateKey, publicPem: await exportSPKI(publicKey) };
  };
  const key = await addKey("first");
  const { port } = server.address() as AddressInfo;
  const jwksUrl = `http://127.0.0.1:${port}/keys`;
  return {
    auth: {
      ...{ tokensFile: undefined, publicReflection: false, publicHealth: false },
      jwt: { jwksUrl, issuer, audience, roleClaim: "role" },
    },
    sign: (changes, by = key) => signWith(by, changes),
    ...{ key, addKey },
    setStatus: (newStatus) => {
      status = newStatus;
    },
    fetches: () => fetches,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Returns a time `seconds` from now, in seconds since 1970. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}

function signWith({ id, algorithm, key }: SigningKey, changes: TestClaims = {}): Promise<string> {
  const claims: TestClaims = {
    ...{ iss: issuer, aud: audience, sub: "auth0|ann", exp: inSeconds(600), role: "manage" },
    ...changes,
  };
  return new SignJWT(claims as JWTPayload)
    .setProtectedHeader({ alg: algorithm, kid: id })
    .sign(key);
}
