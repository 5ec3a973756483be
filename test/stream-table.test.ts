import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type ServerHttp2Session,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import { forgetEndedStreams } from "../src/server/stream-table.js";

describe("The streams of an HTTP/2 session", () => {
  it("leave nothing behind when they end, although garbage was collected while some were open", async () => {
    const { client, close } = await serve((session) => forgetEndedStreams(session));
    try {
      const open = client.request({ ":path": "/wait" });
      await once(open, "response");
      collect();
      collect();
      const before = oldBytes();
      for (let got = 0; got < streams; got += lanes) {
        await getMany(client, lanes);
        await settle();
        collect({ type: "minor" });
      }
      open.close();
      expect(oldBytes() - before).to.be.below((streams * bytesAStream) / 3);
    } finally {
      await close();
    }
  });

  it("are ended with their session", async () => {
    let server: ServerHttp2Session | undefined;
    const { client, close } = await serve((session) => {
      forgetEndedStreams(session);
      server = session;
    });
    try {
      const open = Array.from({ length: 5 }, () => client.request({ ":path": "/wait" }));
      await Promise.all(open.map((stream) => once(stream, "response")));
      const closed = open.map((stream) => once(stream, "close"));
      for (const stream of open) stream.on("error", () => undefined);
      server?.destroy();
      await Promise.all(closed);
    } finally {
      await close();
    }
  });
});

const streams = 1000;
const lanes = 20;
const bytesAStream = 32 * 1024;

/** Each stream has much to leave behind. */
async function serve(onSession: (session: ServerHttp2Session) => void) {
  const server = createServer();
  server.on("session", onSession);
  server.on("stream", (stream, { ":path": path }) => {
    Object.assign(stream, { kept: new Array(bytesAStream / 8).fill(0) });
    stream.respond({ ":status": 200 });
    if (path !== "/wait") setImmediate(() => stream.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  // What it keeps does not count.
  forgetEndedStreams(client);
  const close = async () => {
    client.destroy();
    server.close();
    await once(server, "close");
  };
  return { client, close };
}

async function getMany(client: ClientHttp2Session, times: number): Promise<void> {
  let left = times;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      const stream = client.request({ ":path": "/" });
      stream.resume();
      await once(stream, "close");
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Has the server's side of what has ended for the client end as well. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns += 1) await new Promise(setImmediate);
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as (options?: { type: "minor" }) => void;

/** What is not young any more. */
function oldBytes(): number {
  const old = getHeapSpaceStatistics().filter(({ space_name: name }) => /^old_space/.test(name));
  return old.reduce((sum, { space_used_size: used }) => sum + used, 0);
}
