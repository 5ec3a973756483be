import type { IncomingMessage } from "node:http";
import type { Http2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";

/** What a connection has shown of its client. */
export class ClientRecord {
  /** The address of the client, as `toClientAddress` returns it. */
  readonly address: string;
  /** Whose the calls of the connection are: of the client's address, until a caller is authorized. */
  caller: string;
  /** True after the client has reset a call. */
  hasResetCalls = false;
  #isAuthenticated = false;
  readonly #onAuthenticated: () => void;

  constructor(address = "unknown", onAuthenticated: () => void = () => {}) {
    this.address = address;
    this.caller = `address ${address}`;
    this.#onAuthenticated = onAuthenticated;
  }

  /** True after a call of an authenticated caller, and after any call if callers need no token. */
  get isAuthenticated(): boolean {
    return this.#isAuthenticated;
  }

  /**
   * Returns with whose calls a call takes its turns. Until a caller is authorized, those with a token are
   * not behind those without one.
   */
  turnOf({ authorization }: { readonly authorization?: string | undefined }): string {
    return this.isAuthenticated || authorization === undefined
      ? this.caller
      : `${this.caller} with a token`;
  }

  authenticate(): void {
    if (this.#isAuthenticated) return;
    this.#isAuthenticated = true;
    this.#onAuthenticated();
  }
}

export function setRecord(connection: Http2Session | Socket, record: ClientRecord): void {
  records.set(connection, record);
}

/** Returns the record of a connection. A session that is already destroyed gets a new one. */
export function recordOf(connection: Http2Session | Socket | undefined): ClientRecord {
  const known = connection && records.get(connection);
  if (known !== undefined) return known;
  const record = new ClientRecord();
  if (connection !== undefined) records.set(connection, record);
  return record;
}

/** Returns the session of an HTTP/2 request, whose socket is only a proxy, or the socket. */
export function connectionOf(request: IncomingMessage): Http2Session | Socket | undefined {
  const { stream } = request as { readonly stream?: ServerHttp2Stream };
  return stream === undefined ? request.socket : stream.session;
}

const records = new WeakMap<object, ClientRecord>();
