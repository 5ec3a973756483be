import { readFileSync } from "node:fs";
import { type Address, parseAddress } from "../../config/address.js";
import { type ClientEnvironment, readClientEnvironment } from "../../config/config.js";
import { usageError } from "../exit-codes.js";

/** What of the command line says how the service is reached. Each goes before its variable. */
export type ConnectionFlags = {
  readonly address?: string;
  readonly token?: string;
  readonly tls?: boolean;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** How long a call may take. */
  readonly timeout?: number;
};

/** Where the service is, and what the caller shows there. */
export type ConnectionSettings = {
  readonly address: Address;
  readonly token: string | undefined;
  /** Undefined: plain text. */
  readonly tls: Tls | undefined;
  /** Undefined: as long as the service lets it. */
  readonly timeoutMs: number | undefined;
};

/** PEM texts. Undefined: the certificate authorities that Node knows, and no certificate of ours. */
export type Tls = {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
};

/** @throws Failure naming the flag or the variable that is wrong, and what was expected. */
export function readSettings(
  flags: ConnectionFlags,
  environment: ClientEnvironment = readClientEnvironment(),
): ConnectionSettings {
  const address = pick("--address", flags.address, "LLMPRICES_ADDRESS", environment.address);
  const token = pick("--token", flags.token, "LLMPRICES_TOKEN", environment.token);
  return {
    address: address === undefined ? defaultAddress : readAddress(address),
    token: token && readToken(token),
    tls: readTls(flags, environment),
    timeoutMs: flags.timeout && flags.timeout * 1000,
  };
}

const defaultAddress: Address = { host: "127.0.0.1", port: 50051 };

/** A text, and where it was written. */
type Setting = { readonly name: string; readonly text: string };

function pick(
  flag: string,
  ofFlag: string | undefined,
  variable: string,
  ofVariable: string | undefined,
): Setting | undefined {
  if (ofFlag !== undefined) return { name: flag, text: ofFlag };
  return ofVariable === undefined ? undefined : { name: variable, text: ofVariable };
}

function readAddress({ name, text }: Setting): Address {
  const address = parseAddress(text);
  if (address !== undefined && address.port > 0) return address;
  throw usageError(`${name} is ${JSON.stringify(text)}; expected host:port, like 127.0.0.1:50051`);
}

function readToken({ name, text }: Setting): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw usageError(`${name} is not a token (not shown); expected visible ASCII characters`);
}

function readTls(flags: ConnectionFlags, environment: ClientEnvironment): Tls | undefined {
  const ca = pick("--ca-file", flags.caFile, "LLMPRICES_CA_FILE", environment.caFile);
  const cert = pick("--cert-file", flags.certFile, "LLMPRICES_CERT_FILE", environment.certFile);
  const key = pick("--key-file", flags.keyFile, "LLMPRICES_KEY_FILE", environment.keyFile);
  if ((cert === undefined) !== (key === undefined)) {
    const given = (cert ?? key)?.name;
    throw usageError(`${given} is set alone; expected a certificate and its key: both or neither`);
  }
  const isAsked = flags.tls ?? readSwitch("LLMPRICES_TLS", environment.tls);
  if (!isAsked && ca === undefined && cert === undefined) return undefined;
  return { ca: ca && readPem(ca), cert: cert && readPem(cert), key: key && readPem(key) };
}

function readSwitch(name: string, text: string | undefined): boolean {
  if (text === undefined || text === "false") return false;
  if (text === "true") return true;
  throw usageError(`${name} is ${JSON.stringify(text)}; expected true or false`);
}

function readPem({ name, text }: Setting): string {
  try {
    return readFileSync(text, "utf8");
  } catch (error) {
    throw usageError(`${name} cannot be read: ${(error as Error).message}`, error);
  }
}
