import { once } from "node:events";
import { connect } from "node:net";
import { beginning } from "./attack/wire/http2-frames.js";
import { createTlsFiles } from "./support/certificates.js";
import { startTestService, type TestService } from "./support/service.js";

/** What callers have sent when they go. */
const beginnings = {
  nothing: Buffer.alloc(0),
  "a part of what HTTP/2 begins with": beginning.subarray(0, 10),
  "what HTTP/2 begins with": beginning,
  "a part of a request": Buffer.from("POST / HTTP/1.1\r\nHost: localhost\r\n"),
};

describe("A connection that its caller has left", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  for (const door of ["grpcAddress", "httpAddress"] as const) {
    for (const [what, bytes] of Object.entries(beginnings)) {
      it(`after ${what} is closed at once, at ${door}`, async () => {
        const { host, port } = service.server[door];
        const socket = connect({ host, port, allowHalfOpen: true });
        await once(socket, "connect");
        socket.end(bytes);
        socket.resume();
        await once(socket, "end");
        socket.destroy();
        // Before the door would close it for its silence.
      }).timeout(9000);
    }
  }
});

describe("A service that stops", () => {
  for (const door of ["grpcAddress", "httpAddress"] as const) {
    for (const what of ["nothing", "a part of what HTTP/2 begins with"] as const) {
      it(`does not wait for one who has sent ${what}, at ${door}`, async () => {
        const service = await startTestService({ shutdownGraceMs: 60_000 });
        const { host, port } = service.server[door];
        const socket = connect({ host, port });
        socket
          .resume()
          .on("error", () => {})
          .write(beginnings[what]);
        await once(socket, "connect");
        await service.stop();
        // Within mocha's limit, which is below the grace period.
      }).timeout(15_000);
    }
    it(`does not wait for a handshake that never begins, at ${door}`, async () => {
      const { tls } = createTlsFiles();
      const service = await startTestService({ shutdownGraceMs: 60_000, tls });
      const socket = connect(service.server[door]);
      await once(socket, "connect");
      await service.stop();
      socket.destroy();
    }).timeout(15_000);
  }
});
