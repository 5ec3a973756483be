#!/usr/bin/env bash
# A patch release of grpc-js takes the handler's message out of the status
#
# The good guess: a patch release fixes bugs. When a handler throws, the status that callers get keeps
#   its code and its text from 1.14.4 to 1.14.6.
# What happens: up to 1.14.4 the status has the message of the error. 1.14.5 answers "Unknown error", and
#   writes the message nowhere on the server. 1.14.6 also cuts the text for a message that the server's
#   own deserializer rejects. The codes stay the same.
# Why it matters for pricing: callers whose alerts look for a text ("no price for") miss the error after
#   a patch update. The server's code that maps grpc-js' own texts to the fault of the caller or of the
#   service maps them differently. A lock file or an exact version is needed, and texts must not be parsed.
#
# Seen with: @grpc/grpc-js 1.14.4, 1.14.5 and 1.14.6, Node 20.20.2. Output:
#   1.14.4 handler throws:        2 Server method handler threw error no price for gpt-4o
#   1.14.4 deserializer rejects: 13 Error deserializing request: cost is no decimal
#   1.14.5 handler throws:        2 Unknown error
#   1.14.5 deserializer rejects: 13 Error deserializing request: cost is no decimal
#   1.14.6 handler throws:        2 Unknown error
#   1.14.6 deserializer rejects: 13 Error deserializing request
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund \
  v4@npm:@grpc/grpc-js@1.14.4 v5@npm:@grpc/grpc-js@1.14.5 v6@npm:@grpc/grpc-js@1.14.6

cat > check.mjs <<'JS'
const Get = {
  path: "/prices.Prices/Get",
  requestStream: false,
  responseStream: false,
  requestSerialize: Buffer.from,
  requestDeserialize(bytes) {
    if (String(bytes) === "no decimal") throw new Error("cost is no decimal");
    return String(bytes);
  },
  responseSerialize: Buffer.from,
  responseDeserialize: String,
};

/** What callers of this release get from a handler that throws, and for a message that is rejected. */
async function askRelease(grpc) {
  const server = new grpc.Server();
  server.addService({ Get }, {
    Get({ request }) {
      throw new Error(`no price for ${request}`);
    },
  });
  const port = await new Promise((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  const Client = grpc.makeGenericClientConstructor({ Get }, "Prices");
  const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const ask = (message) =>
    new Promise((resolve) => client.Get(message, ({ code, details }) => resolve(`${code} ${details}`)));
  const answers = [await ask("gpt-4o"), await ask("no decimal")];
  client.close();
  server.forceShutdown();
  return answers;
}

const withMessage = "2 Server method handler threw error no price for gpt-4o";
const rejected = "13 Error deserializing request";
console.log(`Node ${process.version}`);
let isAsStated = true;
for (const [release, thrown, unread] of [
  [4, withMessage, `${rejected}: cost is no decimal`],
  [5, "2 Unknown error", `${rejected}: cost is no decimal`],
  [6, "2 Unknown error", rejected],
]) {
  const answers = await askRelease((await import(`v${release}`)).default);
  console.log(`1.14.${release} handler throws:        ${answers[0]}`);
  console.log(`1.14.${release} deserializer rejects: ${answers[1]}`);
  isAsStated &&= answers[0] === thrown && answers[1] === unread;
}
if (isAsStated) {
  console.log("As stated: patch releases change the texts and keep the codes.");
} else {
  console.log("Changed: one of these releases answers another status.");
  process.exitCode = 1;
}
JS
node check.mjs
