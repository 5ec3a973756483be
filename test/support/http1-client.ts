import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Address } from "../../src/config/address.js";
import { until } from "./metrics.js";

export type Http1Response = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
};

/** An HTTP/1.1 connection whose bytes a test writes itself. */
export type Http1Connection = {
  readonly socket: Socket;
  readonly send: (bytes: string | Uint8Array) => void;
  /** Reads the next response. Skips none: 100 (Continue) is a response of its own. */
  readonly readResponse: () => Promise<Http1Response>;
  /** Waits for the end of the connection. Returns its error, if there was one. */
  readonly ended: () => Promise<Error | undefined>;
  readonly isEnded: () => boolean;
};

/** Opens a connection, with TLS if a certificate authority is given. */
export async function openHttp1({ host, port }: Address, ca?: string): Promise<Http1Connection> {
  const socket =
    ca === undefined
      ? connect({ host, port, noDelay: true, allowHalfOpen: true })
      : connectTls({ host, port, ca, ALPNProtocols: ["http/1.1"] });
  let received = Buffer.alloc(0);
  let isEnded = false;
  let failure: Error | undefined;
  socket.on("data", (data) => {
    received = Buffer.concat([received, data]);
  });
  socket.on("end", () => {
    isEnded = true;
  });
  socket.on("error", (error) => {
    failure = error;
    isEnded = true;
  });
  socket.on("close", () => {
    isEnded = true;
  });
  await once(socket, ca === undefined ? "connect" : "secureConnect");
  const readResponse = async () => {
    let parsed = parseResponse(received);
    await until(() => {
      parsed = parseResponse(received);
      if (parsed === undefined && isEnded) {
        throw new Error(`the connection ended: ${failure?.message} after "${received}"`);
      }
      return parsed !== undefined;
    });
    const [response, length] = parsed as [Http1Response, number];
    received = received.subarray(length);
    return response;
  };
  return {
    socket,
    send: (bytes) => void socket.write(bytes),
    readResponse,
    ended: async () => {
      await until(() => isEnded);
      return failure;
    },
    isEnded: () => isEnded,
  };
}

/** Returns a response and its size in bytes, or undefined if it has not arrived completely. */
function parseResponse(bytes: Buffer): [Http1Response, number] | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const [statusLine = "", ...lines] = bytes.subarray(0, headEnd).toString().split("\r\n");
  const status = Number(statusLine.split(" ")[1]);
  const headers = new Headers(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  );
  const start = headEnd + 4;
  if (status < 200 || status === 204) return [{ status, headers, body: "" }, start];
  if (headers.get("transfer-encoding") === "chunked") {
    const chunks = readChunks(bytes, start);
    return chunks && [{ status, headers, body: chunks.body }, chunks.end];
  }
  const end = start + Number(headers.get("content-length") ?? 0);
  if (bytes.length < end) return undefined;
  return [{ status, headers, body: bytes.subarray(start, end).toString() }, end];
}

/** Returns a chunked body and the offset of its end, or undefined if it has not arrived completely. */
function readChunks(bytes: Buffer, start: number): { body: string; end: number } | undefined {
  let body = "";
  for (let offset = start; ; ) {
    const lineEnd = bytes.indexOf("\r\n", offset);
    if (lineEnd < 0) return undefined;
    const length = Number.parseInt(bytes.subarray(offset, lineEnd).toString(), 16);
    const end = lineEnd + 2 + length + 2;
    if (bytes.length < end) return undefined;
    body += bytes.subarray(lineEnd + 2, end - 2).toString();
    if (length === 0) return { body, end };
    offset = end;
  }
}
