import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { expect } from "chai";
import { talk } from "../../../e2e/security/wire/socket.js";
import {
  beginning,
  callHeaders,
  endHeaders,
  endStream,
  frameType,
  type Http2Frame,
  headerBlock,
  http2Frame,
  readHttp2Frames,
} from "../../../e2e/support/http2-frames.js";
import { type Address, formatAddress } from "../../../src/config/address.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { reasonOf } from "../../support/every-rpc.js";
import { startTestService, type TestService } from "../../support/service.js";
import { createTokensFile, freshToken } from "../../support/tokens.js";

const pricing = "/llmprices.v1.PricingService";
const clerk = freshToken("clerk", "calculate");
const boss = freshToken("boss", "manage");
const listeners = {
  "the gRPC listener": ({ server }: TestService) => server.grpcAddress,
  "the HTTP listener": ({ server }: TestService) => server.httpAddress,
};

/** What a client sends of a call that it does not end: its path, other headers, and its first bytes. */
type Unended = {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
};

const stream = `${pricing}/StreamAllocateCharges`;
const asBoss = { authorization: `Bearer ${boss.token}` };
const unended: Readonly<Record<string, Unended>> = {
  "without a token": {},
  "with a wrong token": { headers: { authorization: "Bearer no" } },
  "without the right role": {
    ...{ path: `${pricing}/ImportLLMPrices`, headers: { authorization: `Bearer ${clerk.token}` } },
  },
  "of an unknown method": { path: `${pricing}/Nope`, headers: asBoss },
  "of an unknown type": { headers: { ...asBoss, "content-type": "text/plain" } },
  "with a malformed timeout": { path: stream, headers: { ...asBoss, "grpc-timeout": "soon" } },
  "whose deadline passes": { path: stream, headers: { ...asBoss, "grpc-timeout": "50m" } },
  "whose message is too large": {
    ...{ path: stream, headers: asBoss, body: Buffer.from([0, 0x7f, 0, 0, 0]) },
  },
  "whose compression is unknown": {
    ...{ headers: { ...asBoss, "grpc-encoding": "lzma" }, body: Buffer.from([1, 0, 0, 0, 1, 0]) },
  },
  "whose stream begins with a wrong message": {
    ...{ path: stream, headers: asBoss },
    body: Buffer.from([0, 0, 0, 0, 2, 0xff, 0xff]),
  },
};

describe("A call that is answered before its client has ended it", function () {
  this.timeout(30_000);
  const tokens = createTokensFile(clerk, boss);
  let service: TestService;
  before(async () => {
    service = await startTestService({ auth: tokens.auth }, undefined, boss);
  });
  after(async () => {
    await service.stop();
    tokens.remove();
  });

  for (const [listener, addressOf] of Object.entries(listeners)) {
    for (const [kind, call] of Object.entries(unended)) {
      it(`${kind} is reset without an error after the answer, at ${listener}`, async () => {
        const frames = await framesOf(addressOf(service), toFrames(1, call));
        const [reset, ...others] = frames.splice(-1);
        expect(others).to.deep.equal([]);
        expect(reset?.type).to.equal(frameType.reset);
        expect(reset?.payload.readUInt32BE()).to.equal(constants.NGHTTP2_NO_ERROR);
        const ends = frames.filter(({ flags }) => (flags & endStream) !== 0);
        expect(ends).to.deep.equal(frames.slice(-1));
      });
    }

    it(`is not reset at ${listener} when its client ends it in the same packet`, async () => {
      const call = unended["without a token"] as Unended;
      const bytes = [...toFrames(1, call), http2Frame(frameType.data, endStream, 1)];
      const frames = await framesOf(addressOf(service), bytes, 1000);
      expect(frames.length).to.be.at.least(1);
      expect(frames.map(({ type }) => type)).not.to.include(frameType.reset);
    });

    it(`leaves no open stream at ${listener}, also with a client that goes on sending`, async () => {
      const url = `http://${formatAddress(addressOf(service))}`;
      const session = connectHttp2(url);
      await once(session, "connect");
      // The server accepts no more than 200 open streams on a connection.
      for (let call = 0; call < 600; call += 100) {
        const statuses = await Promise.all(Array.from({ length: 100 }, () => callAndGoOn(session)));
        expect(new Set(statuses)).to.deep.equal(new Set(["unauthenticated"]));
      }
      session.destroy();
    });
  }

  it("has its status for grpc-js, also while its client goes on sending", async () => {
    const client = new grpc.Client(
      formatAddress(service.server.grpcAddress),
      grpc.credentials.createInsecure(),
    );
    const same = (bytes: Buffer) => bytes;
    const call = (path: string, sends: number): Promise<grpc.ServiceError | null> =>
      new Promise((resolve) => {
        const stream = client.makeClientStreamRequest(path, same, same, (error) => {
          clearInterval(timer);
          resolve(error);
        });
        const timer = setInterval(() => stream.write(Buffer.alloc(60_000)), sends);
      });
    for (let i = 0; i < 20; i += 1) {
      const error = await call(`${pricing}/ImportLLMPrices`, 1 + (i % 3));
      expect(error?.code, error?.message).to.equal(grpc.status.UNAUTHENTICATED);
    }
    const unknown = await call(`${pricing}/Nope`, 1);
    expect(unknown?.code).to.equal(grpc.status.UNIMPLEMENTED);
    client.close();
  });

  it("has its status for connect-node over HTTP/2 at both listeners", async () => {
    for (const addressOf of Object.values(listeners)) {
      const baseUrl = `http://${formatAddress(addressOf(service))}`;
      const client = createClient(PricingService, createGrpcTransport({ baseUrl }));
      for (let i = 0; i < 20; i += 1) {
        const abort = new AbortController();
        expect(await reasonOf(client.importLLMPrices(rows(abort.signal)))).to.equal(
          "TOKEN_MISSING",
        );
        abort.abort();
        expect(await reasonOf(client.calculateCharge({}))).to.equal("TOKEN_MISSING");
      }
    }
  });
});

/** Yields messages until the signal aborts. */
async function* rows(signal: AbortSignal) {
  while (!signal.aborted) {
    yield { rows: [{ model: "x".repeat(10_000) }] };
    await new Promise(setImmediate);
  }
}

/** Makes a call without a token and writes until the stream closes. Returns the answer. */
function callAndGoOn(session: ReturnType<typeof connectHttp2>): Promise<string> {
  return new Promise((resolve) => {
    const headers = Object.fromEntries(callHeaders(`${pricing}/ImportLLMPrices`));
    const { ":scheme": _, ":authority": __, ...sent } = headers;
    const stream = session.request(sent);
    let answer = "none";
    stream.on("response", (received) => {
      if (received["grpc-status"] === "16") answer = "unauthenticated";
    });
    stream.on("trailers", (received) => {
      if (received["grpc-status"] === "16") answer = "unauthenticated";
    });
    stream.on("error", (error) => {
      answer = error.message;
    });
    stream.on("close", () => resolve(answer));
    stream.resume();
    stream.write(Buffer.alloc(10));
  });
}

function toFrames(id: number, { path, headers, body }: Unended): Buffer[] {
  const all = new Map([
    ...callHeaders(path ?? `${pricing}/CalculateCharge`),
    ...Object.entries(headers ?? {}),
  ]);
  const head = http2Frame(frameType.headers, endHeaders, id, headerBlock([...all]));
  return body === undefined ? [head] : [head, http2Frame(frameType.data, 0, id, body)];
}

/**
 * Sends frames on a new connection. Returns all frames of stream 1 until it is reset, or nothing
 * arrives for `quietMs`.
 */
async function framesOf(
  address: Address,
  frames: readonly Buffer[],
  quietMs = 15_000,
): Promise<Http2Frame[]> {
  const ofCall = (bytes: Buffer) => readHttp2Frames(bytes).filter(({ stream }) => stream === 1);
  const isReset = (bytes: Buffer) => ofCall(bytes).some(({ type }) => type === frameType.reset);
  const { bytes } = await talk(address, Buffer.concat([beginning, ...frames]), quietMs, isReset);
  return ofCall(bytes);
}
