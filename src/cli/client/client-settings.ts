import { readFileSync } from "node:fs";
import { type Address, parseAddress } from "../../config/address.js";
import { type ClientEnvironment, readClientEnvironment } from "../../config/config.js";
import { usageError } from "../exit-codes.js";

/** The connection flags of the command line. Each flag overrides its environment variable. */
export type ConnectionFlags = {
  readonly address?: string;
  readonly token?: string;
  readonly tls?: boolean;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** The deadline of a call, in seconds. */
  readonly timeout?: number;
};

/** The service's address, the client's credentials and the deadline of a call. */
export type ConnectionSettings = {
  readonly address: Address;
  readonly token: string | undefined;
  /** Undefined: the connection is not encrypted. */
  readonly tls: Tls | undefined;
  /** Undefined: only the service limits how long a call takes. */
  readonly timeoutMs: number | undefined;
};

/** PEM texts. */
export type Tls = {
  /** Undefined: the certificate authorities that Node.js trusts. */
  readonly ca: string | undefined;
  /** Undefined: the client presents no certificate. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
};

/**
 * Reads the connection settings from the flags and the environment.
 *
 * @throws Failure naming the flag or the variable that is wrong, and what was expected.
 */
export function readSettings(
  flags: ConnectionFlags,
  environment: ClientEnvironment = readClientEnvironment(),
): ConnectionSettings {
  const address = findSetting("--address", flags.address, "LLMPRICES_ADDRESS", environment.address);
  const token = findSetting("--token", flags.token, "LLMPRICES_TOKEN", environment.token);
  return {
    address: address === undefined ? defaultAddress : readAddress(address),
    token: token && readToken(token),
    tls: readTls(flags, environment),
    timeoutMs: flags.timeout && flags.timeout * 1000,
  };
}

const defaultAddress: Address = { host: "127.0.0.1", port: 50051 };

/** A setting's text, and the name of the flag or variable that sets it. */
type Setting = { readonly name: string; readonly text: string };

function findSetting(
  flag: string,
  flagText: string | undefined,
  variable: string,
  variableText: string | undefined,
): Setting | undefined {
  if (flagText !== undefined) return { name: flag, text: flagText };
  return variableText === undefined ? undefined : { name: variable, text: variableText };
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
  const ca = findSetting("--ca-file", flags.caFile, "LLMPRICES_CA_FILE", environment.caFile);
  const cert = findSetting(
    "--cert-file",
    flags.certFile,
    "LLMPRICES_CERT_FILE",
    environment.certFile,
  );
  const key = findSetting("--key-file", flags.keyFile, "LLMPRICES_KEY_FILE", environment.keyFile);
  if ((cert === undefined) !== (key === undefined)) {
    const setName = (cert ?? key)?.name;
    throw usageError(
      `${setName} is set alone; expected a certificate and its key: both or neither`,
    );
  }
  const isRequested = flags.tls ?? readBoolean("LLMPRICES_TLS", environment.tls);
  if (!isRequested && ca === undefined && cert === undefined) return undefined;
  return { ca: ca && readPem(ca), cert: cert && readPem(cert), key: key && readPem(key) };
}

function readBoolean(name: string, text: string | undefined): boolean {
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
