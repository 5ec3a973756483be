import { expect } from "chai";
import {
  beginning,
  callHeaders,
  endHeaders,
  endStream,
  frameType,
  headerBlock,
  http2Frame,
} from "../../../e2e/support/http2-frames.js";
import { connectRaw } from "../../support/raw-connection.js";
import { startTestService, type TestService } from "../../support/service.js";
import { createTokensFile, freshToken } from "../../support/tokens.js";

const path = "/llmprices.v1.CatalogService/ListChargeTypes";

describe("A connection without a call", function () {
  this.timeout(120_000);
  const boss = freshToken("boss", "manage");
  const tokens = createTokensFile(boss);
  let service: TestService;
  before(async () => {
    service = await startTestService({ auth: tokens.auth }, undefined, boss);
  });
  after(async () => {
    await service.stop();
    tokens.remove();
  });

  const request = (token: string) =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
    `Authorization: Bearer ${token}\r\nContent-Length: 2\r\n\r\n{}`;
  const call = (token: string) => {
    const headers = [...callHeaders(path), ["authorization", `Bearer ${token}`] as const];
    const frames = [
      http2Frame(frameType.headers, endHeaders, 1, headerBlock(headers)),
      http2Frame(frameType.data, endStream, 1, Buffer.alloc(5)),
    ];
    return Buffer.concat([beginning, ...frames]);
  };

  it("is closed after 30 s unless its client has authenticated, at both listeners", async () => {
    const { grpcAddress, httpAddress } = service.server;
    const silent = await Promise.all([
      connectRaw(grpcAddress, beginning),
      connectRaw(httpAddress, beginning),
      connectRaw(grpcAddress, call("wrong")),
      connectRaw(httpAddress, call("wrong")),
      connectRaw(httpAddress, request("wrong")),
    ]);
    const authenticated = await Promise.all([
      connectRaw(grpcAddress, call(boss.token)),
      connectRaw(httpAddress, call(boss.token)),
      connectRaw(httpAddress, request(boss.token)),
    ]);
    const startedAt = performance.now();
    await Promise.all(silent.map(({ ended }) => ended));
    expect(performance.now() - startedAt).to.be.within(25_000, 60_000);
    expect(authenticated.map(({ hasEnded }) => hasEnded())).to.deep.equal([false, false, false]);
    for (const { socket } of [...silent, ...authenticated]) socket.destroy();
  });
});
