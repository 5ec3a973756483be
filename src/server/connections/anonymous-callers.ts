import type { Http2Session } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { anonymous, anonymousFrom, type Caller } from "../../domain/caller.js";

/**
 * Returns the caller of a call on a connection. An anonymous caller gets the capacity of its client
 * certificate, or of its address, so that anonymous callers do not share one caller's capacity.
 */
export function callerOn(caller: Caller, connection: Http2Session | Socket): Caller {
  if (caller !== anonymous) return caller;
  const known = callers.get(connection);
  if (known !== undefined) return known;
  const created = anonymousFrom(originOf("socket" in connection ? connection.socket : connection));
  callers.set(connection, created);
  return created;
}

function originOf(socket: Socket | TLSSocket): string {
  const certificate = "getPeerCertificate" in socket ? socket.getPeerCertificate() : undefined;
  // Without a client certificate, Node returns an empty object.
  return certificate?.fingerprint256 ?? socket.remoteAddress ?? "a closed connection";
}

const callers = new WeakMap<object, Caller>();
