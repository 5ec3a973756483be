#!/usr/bin/env bash
# connect-node hides the message of an unexpected error from the caller, and logs it nowhere
#
# The good guess: when a handler throws an error that is no ConnectError, the caller must not see its
#   message. The server library hides it, and reports it on the server: on stderr, or by a callback.
# What happens: the caller gets status 500 with "internal error". The server writes nothing to stdout or
#   stderr, emits no process warning, and calls no hook. The error is lost without an interceptor
#   that the service must write itself.
# Why it matters for pricing: a bug in a calculation shows as "internal error" for some keys. The
#   operator has no message, no stack and no key, although the HTTP status says that the server is wrong.
#
# Seen with: @connectrpc/connect and connect-node 2.1.2, @bufbuild/protobuf 2.13.0, Node 20.20.2. Output:
#   caller: 500 {"code":"internal","message":"internal error"}
#   server: 0 bytes on stdout, 0 bytes on stderr, 0 warnings; an interceptor saw: no price for gpt-4o
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund \
  @connectrpc/connect@2.1.2 @connectrpc/connect-node@2.1.2 @bufbuild/protobuf@2.13.0

cat > check.mjs <<'JS'
import { once } from "node:events";
import { createServer } from "node:http";
import { create, createFileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, file_google_protobuf_wrappers } from "@bufbuild/protobuf/wkt";
import { connectNodeAdapter } from "@connectrpc/connect-node";

const text = ".google.protobuf.StringValue";
const file = create(FileDescriptorProtoSchema, {
  name: "prices.proto",
  package: "prices",
  syntax: "proto3",
  dependency: [file_google_protobuf_wrappers.proto.name],
  service: [{ name: "Prices", method: [{ name: "Get", inputType: text, outputType: text }] }],
});
const service = createFileRegistry(file, (name) =>
  name === file_google_protobuf_wrappers.proto.name ? file_google_protobuf_wrappers.proto : undefined,
).getService("prices.Prices");

/** Calls a handler that throws, and answers what the caller got and what the server wrote. */
async function callBrokenHandler(interceptors) {
  const written = { stdout: 0, stderr: 0 };
  let warnings = 0;
  process.on("warning", () => (warnings += 1));
  const originals = new Map();
  for (const name of ["stdout", "stderr"]) {
    originals.set(name, process[name].write);
    process[name].write = (chunk) => (written[name] += chunk.length) > 0;
  }
  const get = () => {
    throw new Error("no price for gpt-4o");
  };
  const routes = (router) => router.service(service, { get });
  const server = createServer(connectNodeAdapter({ routes, interceptors })).listen(0, "127.0.0.1");
  await once(server, "listening");
  const response = await fetch(`http://127.0.0.1:${server.address().port}/prices.Prices/Get`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '"gpt-4o"',
  });
  const answer = `${response.status} ${await response.text()}`;
  server.closeAllConnections();
  server.close();
  for (const [name, write] of originals) process[name].write = write;
  return { answer, written, warnings };
}

const plain = await callBrokenHandler([]);
let seen;
const watch = (next) => (request) => next(request).catch((error) => { seen = error.message; throw error; });
const watched = await callBrokenHandler([watch]);

console.log(`Node ${process.version}`);
console.log(`caller: ${plain.answer}`);
console.log(
  `server: ${plain.written.stdout} bytes on stdout, ${plain.written.stderr} bytes on stderr, ` +
    `${plain.warnings} warnings; an interceptor saw: ${seen}`,
);
const hidden = '500 {"code":"internal","message":"internal error"}';
const isQuiet = plain.written.stdout + plain.written.stderr + plain.warnings === 0;
if (plain.answer === hidden && watched.answer === hidden && isQuiet && seen === "no price for gpt-4o") {
  console.log("As stated: the error is neither sent to the caller nor logged.");
} else {
  console.log("Changed: the answer is another one, or the server reports the error.");
  process.exitCode = 1;
}
JS
node check.mjs
