import type { Attack, Counter } from "../attack.js";
import { concurrently } from "../support/concurrently.js";
import { readAnswer } from "../wire/answer.js";
import { openHttp2 } from "../wire/http2.js";
import { talk } from "../wire/socket.js";
import { count } from "../wire/verdict.js";

/** Unknown and malicious paths, to every listener. */
export const pathsAttack: Attack = {
  name: "paths",
  writes: "none",
  run: async ({ grpc, http, ops }, counter) => {
    for (const address of [http, ops]) {
      await concurrently(paths.length, concurrency, async (index) => {
        const path = paths[index] ?? "";
        const text = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
        const received = await talk(address, Buffer.from(text, "latin1"), quietMs);
        judge(counter, path, received.bytes.toString("latin1"));
      });
    }
    for (const address of [grpc, http]) {
      const wire = openHttp2(address);
      const headers = { "content-type": "application/grpc", te: "trailers" };
      await concurrently(paths.length, concurrency, async (index) => {
        const path = paths[index] ?? "";
        const answer = readAnswer(await wire.exchange({ path, headers, body: Buffer.alloc(5) }));
        count(counter, answer, { sent: path, how: "HTTP/2", mayBeLost: true });
      });
      wire.close();
    }
  },
};

function judge(counter: Counter, path: string, received: string): void {
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1] ?? 400);
  const isFile = /root:|"dependencies"|BEGIN|createServer/.test(received);
  if (isFile || (status >= 500 && status !== unimplemented))
    counter.other(`HTTP ${status} for a path`, `${path} ${received}`);
  else if (status === 200) counter.answered();
  else counter.rejected();
}

const service = "/llmprices.v1.PricingService";
const method = `${service}/CalculateCharge`;

const paths: readonly string[] = [
  ...["/", "//", "*", "/.", "/..", "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"],
  ...["/..%2f..%2fpackage.json", "/..\\..\\package.json", "/%00", "/\x80\xff", "/%ff%fe", "/%"],
  ...["/package.json", "/dist/src/main.js", "/.git/config", "/.env", "/metrics/../healthz"],
  ...[`/${service}`, `${service}/`, `/${method}`, `${method}/`, `${method}//`, `${service}//X`],
  ...[`/x/..${method}`, `${service}/../PricingService/CalculateCharge`, `${method}%00`],
  ...[
    `${method}%20`,
    `${method.toUpperCase()}`,
    `${service}/calculateCharge`,
    `${service}/Nothing`,
  ],
  ...[`${service}/__proto__`, `${service}/constructor`, "/__proto__", "/constructor/prototype"],
  ...["/grpc.health.v1.Health/Nothing", "/grpc.channelz.v1.Channelz/GetServers", "/debug/pprof"],
  ...[`http://evil.example${method}`, `//evil.example${method}`, `${method}#x`, `${method};x=1`],
  ...[`${method}?${"x".repeat(10_000)}`, `/${"a".repeat(12_000)}`, `/${"../".repeat(4000)}`],
  ...[`${method}?encoding=json`, `${method}?message={}&encoding=json`, `${method}?connect=v1`],
  ...["json", "proto", "xml", "__proto__", ""].flatMap((encoding) =>
    ["{}", "[", "%7B%7D", "null", "AAAA", "%", "\xff"].flatMap((message) =>
      ["", "&base64=1", "&compression=gzip", "&compression=br&base64=1", "&compression=x"].map(
        (rest) => `${method}?connect=v1&encoding=${encoding}&message=${message}${rest}`,
      ),
    ),
  ),
];

/** Connect returns it for an unknown compression or protocol. */
const unimplemented = 501;
const concurrency = 24;
const quietMs = 2000;
