import type { Address } from "../../../src/config/address.js";
import type { Attack, Counter } from "../attack.js";
import { concurrently } from "../support/concurrently.js";
import type { Random } from "../support/random.js";
import { talk } from "../wire/socket.js";

/** Garbage and ambiguous HTTP/1.1 requests, to all listeners. */
export const http1Attack: Attack = {
  name: "http1",
  writes: "none",
  run: async ({ grpc, http, ops, scaled }, counter, random) => {
    const attempts = [http, http, grpc, ops].flatMap((address) =>
      attemptsAt(address, scaled(mutations), random),
    );
    await concurrently(attempts.length, concurrency, async (index) => {
      const { address, text } = attempts[index] as Attempt;
      const { bytes, isClosed } = await talk(address, Buffer.from(text, "latin1"), quietMs);
      judge(counter, text, bytes.toString("latin1"), isClosed);
    });
  },
};

type Attempt = { readonly address: Address; readonly text: string };

function attemptsAt(address: Address, mutations: number, random: Random): readonly Attempt[] {
  const mutated = Array.from({ length: mutations }, () => mutate(valid, random));
  return [...requests, ...smuggled, ...mutated].map((text) => ({ address, text }));
}

function judge(counter: Counter, sent: string, received: string, isClosed: boolean): void {
  const statuses = [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) =>
    Number(status),
  );
  // 501 and 505 are correct for unknown methods and versions.
  const failure = statuses.find((status) => status >= 500 && status !== 501 && status !== 505);
  const isAnswered = statuses.some((status) => status < 400);
  if (failure !== undefined) counter.other(`HTTP ${failure}`, sent);
  else if (smuggled.includes(sent) && statuses.length > 1) {
    counter.other("a request within a request was answered", sent);
  } else if (isAnswered || (statuses.length === 0 && !isClosed && received !== ""))
    counter.answered();
  else counter.rejected();
}

/** Changes one byte or a few. */
function mutate(text: string, random: Random): string {
  const bytes = Buffer.from(text);
  for (let left = random.integer(1, 4); left > 0; left -= 1) {
    bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
  }
  return bytes.toString("latin1");
}

const path = "/llmprices.v1.CatalogService/ListProviders";
const line = `POST ${path} HTTP/1.1\r\n`;
const host = "Host: localhost\r\n";
const json = "Content-Type: application/json\r\n";
const valid = `${line}${host}${json}Content-Length: 2\r\nConnection: close\r\n\r\n{}`;
const hidden = `GET ${path}?hidden HTTP/1.1\r\n${host}\r\n`;
const withHeaders = (headers: string, body = "") =>
  `${line}${host}${json}${headers}\r\n\r\n${body}`;

/** The second request is part of the first. A server that answers it is open to request smuggling. */
const smuggled = [
  withHeaders("Content-Length: 5\r\nTransfer-Encoding: chunked", `0\r\n\r\n${hidden}`),
  withHeaders("Transfer-Encoding: chunked\r\nContent-Length: 5", `0\r\n\r\n${hidden}`),
  withHeaders("Content-Length: 2\r\nContent-Length: 90", `{}${hidden}`),
  withHeaders("Content-Length: 2, 90", `{}${hidden}`),
  withHeaders("Content-Length: +2", `{}${hidden}`),
  withHeaders("Content-Length: 0x2", `{}${hidden}`),
  withHeaders("Content-Length: -1", `{}${hidden}`),
  withHeaders("Content-Length : 2", `{}${hidden}`),
  withHeaders("Content-Length: 99999999999999999999", `{}${hidden}`),
  withHeaders("Transfer-Encoding: xchunked", `0\r\n\r\n${hidden}`),
  withHeaders("Transfer-Encoding: chunked, identity", `0\r\n\r\n${hidden}`),
  withHeaders("Transfer-Encoding:\x0bchunked", `0\r\n\r\n${hidden}`),
  withHeaders("Transfer-Encoding\x00: chunked", `0\r\n\r\n${hidden}`),
  withHeaders("Transfer-Encoding: chunked", `FFFFFFFFFFFFFFFFF\r\n${hidden}`),
  withHeaders("Transfer-Encoding: chunked", `2;${"x".repeat(20_000)}\r\n{}\r\n${hidden}`),
  withHeaders("Transfer-Encoding: chunked", `-2\r\n{}\r\n${hidden}`),
  withHeaders("Transfer-Encoding: chunked", `2\n{}\n0\n\n${hidden}`),
  withHeaders("Transfer-Encoding: chunked", `0x2\r\n{}\r\n0\r\n\r\n${hidden}`),
  `${line}${host} Content-Length: 2\r\n\r\n{}${hidden}`,
  `${line}${host}X: y\nContent-Length: 2\r\n\r\n{}${hidden}`,
  `${line}${host}X: y\rContent-Length: 2\r\n\r\n{}${hidden}`,
];

const requests = [
  valid,
  ...["\r\n\r\n", "\0", "GET", "GET /\r\n\r\n", "GET / HTTP/0.9\r\n\r\n", "GET / HTTP/3.0\r\n\r\n"],
  ...["GET / HTTP/1.1\r\n\r\n", `GET / HTTP/1.1\r\n${host}${host}\r\n`, "GET  / HTTP/1.1\r\n\r\n"],
  ...["CONNECT localhost:1 HTTP/1.1", "TRACE / HTTP/1.1", "OPTIONS * HTTP/1.1"].map(
    (first) => `${first}\r\n${host}\r\n`,
  ),
  ...["HEAD", "PUT", "DELETE", "PATCH", "FOO", "post", "M-SEARCH", "X".repeat(20_000)].map(
    (method) => `${method} ${path} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
  ),
  ...["h2c", "websocket", "TLS/1.0"].map((upgrade) =>
    withHeaders(
      `Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\nUpgrade: ${upgrade}`,
    ),
  ),
  ...["100-continue", "x"].map((expect) =>
    withHeaders(`Expect: ${expect}\r\nContent-Length: 2`, "{}"),
  ),
  withHeaders("Content-Length: 100", "{}"),
  withHeaders("X: \0"),
  withHeaders(`X: ${"\x80".repeat(100)}\r\nContent-Length: 2`, "{}"),
  withHeaders(`${"X".repeat(5000)}: y`),
  withHeaders(": y"),
  withHeaders("no colon"),
  // A client's hello of TLS, and one of SSH.
  "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
  "SSH-2.0-OpenSSH_9.6\r\n",
  // A hundred pipelined requests, which are answered in order.
  valid.replace("Connection: close\r\n", "").repeat(100),
];

const mutations = 400;
const concurrency = 40;
const quietMs = 300;
