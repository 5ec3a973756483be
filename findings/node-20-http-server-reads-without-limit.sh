#!/usr/bin/env bash
# On Node 20, an HTTP server reads a whole body that nobody takes, after the first bytes were put back
#
# The good guess: a server that listens for two protocols on one port reads the first bytes of a
#   connection, puts them back with `socket.unshift()`, and gives the socket to an HTTP server. A body
#   that the handler does not read yet stops at the stream's high-water mark, as always: the server stops
#   reading the socket, and TCP slows the sender down.
# What happens: on Node 20 the server goes on reading. The handler of a body of 3.6 MB that waits for half a
#   second then gets all of it as one piece. Without the bytes that were put back the largest piece has
#   128 KB. Giving the first bytes to the server with `socket.emit("data", bytes)` keeps the limit. Node
#   22 and later keep it in all three cases.
# Why it matters for pricing: gRPC-Web, Connect and HTTP/2 share a port. A call that waits for its turn
#   must not let its sender fill the memory of a service that bills others.
#
# Seen with: Node 20.20.2, 22.23.3, 24.21.0 and 26.10.0. Output on 20.20.2:
#   not put back:         largest piece 128 KB of 3600 KB
#   put back by unshift:  largest piece 3600 KB of 3600 KB
#   given by emit:        largest piece 128 KB of 3600 KB
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

cat > "$work/check.mjs" <<'JS'
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const pieces = 60;
const piece = Buffer.alloc(60_000, "a");

/** Sends a body to a handler that waits before it reads. Returns the largest piece that it reads. */
async function largestPiece(accept) {
  let largest = 0;
  const server = createServer(async (request, response) => {
    await sleep(500);
    for await (const chunk of request) largest = Math.max(largest, chunk.length);
    response.end();
  });
  accept(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const client = connect(server.address().port, "127.0.0.1");
  client.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (let i = 0; i < pieces; i += 1) {
    client.write(`${piece.length.toString(16)}\r\n`);
    client.write(piece);
    client.write("\r\n");
  }
  client.write("0\r\n\r\n");
  await once(client, "data");
  client.destroy();
  server.close();
  return largest;
}

/** Reads the first bytes of each connection before the server gets it. */
function readFirst(server, give) {
  const [listen] = server.listeners("connection");
  server.removeAllListeners("connection");
  server.on("connection", (socket) => {
    socket.once("data", (bytes) => {
      socket.pause();
      give(socket, bytes, () => listen.call(server, socket));
      socket.resume();
    });
  });
}

const byUnshift = (server) =>
  readFirst(server, (socket, bytes, accept) => {
    socket.unshift(bytes);
    accept();
  });
const byEmit = (server) =>
  readFirst(server, (socket, bytes, accept) => {
    accept();
    socket.emit("data", bytes);
  });

const total = pieces * piece.length;
const kilobytes = (bytes) => `${Math.round(bytes / 1000)} KB`;
const seen = {};
for (const [name, accept] of Object.entries({ "not put back": () => {}, "put back by unshift": byUnshift, "given by emit": byEmit })) {
  seen[name] = await largestPiece(accept);
  console.log(`${`${name}:`.padEnd(21)} largest piece ${kilobytes(seen[name])} of ${kilobytes(total)}`);
}
const isLimited = (bytes) => bytes < total / 10;
const isNode20 = process.versions.node.startsWith("20.");
const isAsStated =
  isLimited(seen["not put back"]) &&
  isLimited(seen["given by emit"]) &&
  (isNode20 ? seen["put back by unshift"] === total : isLimited(seen["put back by unshift"]));
if (!isAsStated) {
  console.log(`changed: Node ${process.versions.node} reads otherwise than the first lines of this script say`);
  process.exit(1);
}
JS
node "$work/check.mjs"
