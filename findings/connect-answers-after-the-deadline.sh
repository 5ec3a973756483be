#!/usr/bin/env bash
# connect-node answers 200 after the caller's deadline, where grpc-js answers DEADLINE_EXCEEDED
#
# The good guess: the server reads the caller's timeout (`Connect-Timeout-Ms`, `grpc-timeout`). When the
#   time is up, it answers DEADLINE_EXCEEDED, whatever the handler does. grpc-js does so.
# What happens: connect-node only aborts `context.signal`. When the handler does not look at the signal,
#   the call runs to its end. The server then answers 200 with the result, long after the deadline.
# Why it matters for pricing: a proxy or a client that leaves the deadline to the server gets a
#   charge that its caller has given up and asked for again. A write is done after its deadline. Each
#   wait in a handler must listen to the signal, or the service needs a timer of its own.
#
# Seen with: @connectrpc/connect and connect-node 2.1.2, @bufbuild/protobuf 2.13.0,
#   @grpc/grpc-js 1.14.7, Node 20.20.2. The deadline is 200 ms, the handler takes 800 ms. Output:
#   connect-node: signal aborted after 202 ms; answer after 805 ms: 200 "charged"
#   grpc-js:      answer after 201 ms: grpc-status 4
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund @grpc/grpc-js@1.14.7 \
  @connectrpc/connect@2.1.2 @connectrpc/connect-node@2.1.2 @bufbuild/protobuf@2.13.0

cat > check.mjs <<'JS'
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { create, createFileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, file_google_protobuf_wrappers } from "@bufbuild/protobuf/wkt";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import grpc from "@grpc/grpc-js";

const text = ".google.protobuf.StringValue";
const wrappers = file_google_protobuf_wrappers.proto;
const file = create(FileDescriptorProtoSchema, {
  name: "prices.proto",
  package: "prices",
  syntax: "proto3",
  dependency: [wrappers.name],
  service: [{ name: "Prices", method: [{ name: "Get", inputType: text, outputType: text }] }],
});
const registry = createFileRegistry(file, (name) => (name === wrappers.name ? wrappers : undefined));

let startedAt;
const elapsed = () => Math.round(performance.now() - startedAt);
let abortedAfter;
const routes = (router) =>
  router.service(registry.getService("prices.Prices"), {
    async get(_, { signal }) {
      signal.addEventListener("abort", () => (abortedAfter = elapsed()));
      await sleep(800);
      return { value: "charged" };
    },
  });
const http = createServer(connectNodeAdapter({ routes })).listen(0, "127.0.0.1");
await once(http, "listening");
startedAt = performance.now();
const response = await fetch(`http://127.0.0.1:${http.address().port}/prices.Prices/Get`, {
  method: "POST",
  headers: { "content-type": "application/json", "connect-timeout-ms": "200" },
  body: '"gpt-4o"',
});
const answer = `${response.status} ${await response.text()}`;
const answeredAfter = elapsed();
http.closeAllConnections();
http.close();

const bytes = (value) => value;
const path = "/prices.Prices/Get";
const method = { path, requestStream: false, responseStream: false };
const Get = { ...method, requestDeserialize: bytes, responseSerialize: bytes };
const server = new grpc.Server();
server.addService({ Get }, { Get: (_, callback) => setTimeout(callback, 800, null, Buffer.of()) });
const port = await new Promise((resolve, reject) => {
  const credentials = grpc.ServerCredentials.createInsecure();
  server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
});
// A client of plain HTTP/2: grpc-js' own client would end the call by its own timer.
const session = connect(`http://127.0.0.1:${port}`);
await once(session, "connect");
startedAt = performance.now();
const headers = { ":method": "POST", ":path": path, te: "trailers", "grpc-timeout": "200m" };
const stream = session.request({ ...headers, "content-type": "application/grpc" });
stream.end(Buffer.alloc(5)); // An empty message in gRPC's framing.
const [{ "grpc-status": status }] = await once(stream, "response");
const grpcAfter = elapsed();
session.destroy();
server.forceShutdown();

console.log(`Node ${process.version}`);
const aborted = `signal aborted after ${abortedAfter} ms`;
console.log(`connect-node: ${aborted}; answer after ${answeredAfter} ms: ${answer}`);
console.log(`grpc-js:      answer after ${grpcAfter} ms: grpc-status ${status}`);
const isLate = abortedAfter < answeredAfter && answeredAfter > 780 && answer === '200 "charged"';
if (isLate && status === "4" && grpcAfter < 780) {
  console.log("As stated: connect-node answers the result after the deadline.");
} else {
  console.log("Changed: connect-node ends the call at its deadline, or grpc-js does not.");
  process.exitCode = 1;
}
JS
node check.mjs
