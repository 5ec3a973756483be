#!/usr/bin/env bash
# grpc-js does not show its own errors to the server's interceptors
#
# The good guess: a server interceptor wraps the call. Its `sendStatus` sees the status of each call,
#   so a log line and a metric for each call belong there.
# What happens: `sendStatus` sees the statuses of the handler. When grpc-js itself rejects a call, it
#   sends the status past all interceptors: a message above the limit (RESOURCE_EXHAUSTED), an answer
#   that the serializer rejects (INTERNAL). An unknown method does not even start an interceptor.
# Why it matters for pricing: callers get errors that the service never counted or logged. The error
#   rate on the dashboard stays at zero while each batch above the limit is rejected.
#
# Seen with: @grpc/grpc-js 1.14.7, Node 20.20.2. Output:
#   handler answers         -> caller 0 OK; interceptor started true, statuses seen 0
#   handler rejects         -> caller 5 NOT_FOUND; interceptor started true, statuses seen 5
#   message above the limit -> caller 8 RESOURCE_EXHAUSTED; interceptor started true, statuses seen none
#   answer is not written   -> caller 13 INTERNAL; interceptor started true, statuses seen none
#   unknown method          -> caller 12 UNIMPLEMENTED; interceptor started false, statuses seen none
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund @grpc/grpc-js@1.14.7

cat > check.mjs <<'JS'
import grpc from "@grpc/grpc-js";

const methodAt = (path) => ({
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: Buffer.from,
  requestDeserialize: String,
  responseSerialize(price) {
    if (price === "unwritable") throw new Error("no decimal");
    return Buffer.from(price);
  },
  responseDeserialize: String,
});
const definition = { Get: methodAt("/prices.Prices/Get"), Put: methodAt("/prices.Prices/Put") };

let statuses = [];
let isStarted = false;
const watch = (_, call) => {
  isStarted = true;
  return new grpc.ServerInterceptingCall(call, {
    sendStatus(status, next) {
      statuses.push(status.code);
      next(status);
    },
  });
};
const server = new grpc.Server({ interceptors: [watch], "grpc.max_receive_message_length": 100 });
server.addService({ Get: definition.Get }, {
  Get({ request }, callback) {
    if (request === "unknown") callback({ code: grpc.status.NOT_FOUND, details: "no price" });
    else callback(null, request);
  },
});
const port = await new Promise((resolve, reject) => {
  const credentials = grpc.ServerCredentials.createInsecure();
  server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
});
const Client = grpc.makeGenericClientConstructor(definition, "Prices");
const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());

console.log(`Node ${process.version}`);
let isAsStated = true;
for (const [what, method, message, code, stated] of [
  ["handler answers        ", "Get", "1.25", 0, "true 0"],
  ["handler rejects        ", "Get", "unknown", 5, "true 5"],
  ["message above the limit", "Get", "x".repeat(200), 8, "true none"],
  ["answer is not written  ", "Get", "unwritable", 13, "true none"],
  ["unknown method         ", "Put", "1.25", 12, "false none"],
]) {
  statuses = [];
  isStarted = false;
  const got = await new Promise((resolve) => client[method](message, (error) => resolve(error?.code ?? 0)));
  const seen = statuses.join(" ") || "none";
  console.log(
    `${what} -> caller ${got} ${grpc.status[got]}; interceptor started ${isStarted}, statuses seen ${seen}`,
  );
  isAsStated &&= got === code && `${isStarted} ${seen}` === stated;
}
client.close();
server.forceShutdown();
if (isAsStated) {
  console.log("As stated: interceptors see only what the handler sends.");
} else {
  console.log("Changed: another status, or an interceptor sees more or less than stated.");
  process.exitCode = 1;
}
JS
node check.mjs
