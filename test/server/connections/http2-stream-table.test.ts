import { once } from "node:events";
import { connect, createServer, type Http2Session, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { getHeapSpaceStatistics } from "node:v8";
import { expect } from "chai";
import { patchStreamMap } from "../../../src/server/runtime-tuning/http2-stream-table.js";
import { collectGarbage } from "../../support/garbage.js";

describe("The streams of an HTTP/2 session", () => {
  it("are freed when they end, although garbage was collected while some were open", () => {
    const session = { [state]: { streams: new Map<number, unknown>() } };
    patchStreamMap(session as unknown as Http2Session);
    const { streams } = session[state];
    let next = 0;
    const openAndEnd = () => {
      streams.set(next, new Array(bytesPerStream / 8).fill(0));
      streams.delete(next - openStreams);
      next += 1;
    };
    while (next < 100) openAndEnd();
    collectGarbage();
    collectGarbage();
    const before = oldBytes();
    while (next < 1000) {
      openAndEnd();
      if (next % (3 * openStreams) === 0) collectGarbage({ type: "minor" });
    }
    expect(oldBytes() - before).to.be.below(2 ** 20);
    expect([...streams.keys()]).to.deep.equal(
      Array.from({ length: openStreams }, (_, i) => 1000 - openStreams + i),
    );
  });

  it("are kept in the patched map in this version of Node.js, and end with their session", async () => {
    let session: ServerHttp2Session | undefined;
    const server = createServer().on("session", (each) => {
      patchStreamMap(each);
      session = each;
    });
    server.on("stream", (stream) => stream.respond({ ":status": 200 }));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const open = Array.from({ length: 5 }, () => client.request({ ":path": "/" }));
    await Promise.all(open.map((stream) => once(stream, "response")));
    const map = streamsOf(session as ServerHttp2Session);
    expect(map.constructor.name).to.equal("StreamMap");
    expect(map.size).to.equal(5);
    const closed = open.map((stream) => once(stream, "close"));
    for (const stream of open) stream.on("error", () => undefined);
    session?.destroy();
    await Promise.all(closed);
    server.close();
    await once(server, "close");
  });
});

const state = Symbol("state");
const bytesPerStream = 32 * 1024;
const openStreams = 20;

/** Returns the bytes in V8's old generation. */
function oldBytes(): number {
  const old = getHeapSpaceStatistics().filter(({ space_name: name }) => /^old_space/.test(name));
  return old.reduce((sum, { space_used_size: used }) => sum + used, 0);
}

function streamsOf(session: ServerHttp2Session): Map<number, unknown> {
  const symbol = Object.getOwnPropertySymbols(session).find((each) => each.description === "state");
  return (session as unknown as Record<symbol, { streams: Map<number, unknown> }>)[symbol as symbol]
    ?.streams as Map<number, unknown>;
}
