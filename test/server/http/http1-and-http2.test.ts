import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { create, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import {
  PricingService,
  StreamAllocateChargesRequestSchema,
  StreamAllocateChargesResponseSchema,
} from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { charge } from "../../support/book.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { startTestService, type TestService } from "../../support/service.js";

describe("The HTTP listener", () => {
  let service: TestService;
  let key: TestKey;
  let transports: Readonly<Record<string, Transport>>;
  before(async () => {
    service = await startTestService();
    const price = await freshPrice(service, "1", new Date("2026-01-01"));
    ({ key } = price);
    // The other clients of this test do not wait for the version of the price.
    await charge(service, key, { minBookVersion: price.bookVersion });
    const baseUrl = `http://${formatAddress(service.server.httpAddress)}`;
    transports = {
      Connect: createConnectTransport({ baseUrl, httpVersion: "2" }),
      "Connect JSON": createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: false }),
      "gRPC-Web": createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
      gRPC: createGrpcTransport({ baseUrl }),
    };
  });
  after(() => service.stop());

  const terms = () => ({ ...key, providerCost: "100.00", currencyCode: "USD" });
  const usages = ["a", "b", "c"].map((accountId) => ({ accountId, usage: "1" }));
  const parts = ["33.34", "33.33", "33.33"];

  for (const protocol of ["Connect", "Connect JSON", "gRPC-Web", "gRPC"]) {
    it(`speaks HTTP/2 with prior knowledge: ${protocol}`, async () => {
      const client = createClient(PricingService, transports[protocol] as Transport);
      const { accountCharge } = await client.calculateCharge({
        ...key,
        providerCost: "7",
        usageRatio: { case: "accountUsageRatio", value: "1" },
      });
      expect(accountCharge).to.equal("7");
      async function* messages() {
        yield { terms: terms() };
        for (const usage of usages) yield { accountUsages: [usage] };
      }
      const charges: string[] = [];
      for await (const response of client.streamAllocateCharges(messages())) {
        charges.push(...response.accountCharges.map((each) => each.accountCharge));
      }
      expect(charges).to.deep.equal(parts);
    });
  }

  it("also serves streams over HTTP/1.1: all responses come after the last request", async () => {
    const messages = [{ terms: terms() }, { accountUsages: usages }].map((message) =>
      toJsonString(
        StreamAllocateChargesRequestSchema,
        create(StreamAllocateChargesRequestSchema, message),
      ),
    );
    const sent = httpRequest({
      ...service.server.httpAddress,
      path: "/llmprices.v1.PricingService/StreamAllocateCharges",
      method: "POST",
      headers: { "content-type": "application/connect+json" },
    });
    sent.end(Buffer.concat(messages.map(toFrame)));
    const [response] = await once(sent, "response");
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    const [first = "", second = "", end] = readFrames(Buffer.concat(chunks));
    const charges = fromJsonString(StreamAllocateChargesResponseSchema, first).accountCharges;
    expect(charges.map((each) => each.accountCharge)).to.deep.equal(parts);
    const { totals } = fromJsonString(StreamAllocateChargesResponseSchema, second);
    expect(totals?.totalCharge).to.equal("100.00");
    expect(end).to.equal("{}");
  });

  it("recognizes each version by its first bytes, even if they arrive one by one", async () => {
    const { host, port } = service.server.httpAddress;
    const firstBytes = {
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0": "SETTINGS",
      "POST /nowhere HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n": "HTTP/1.1 404",
    };
    for (const [bytes, expected] of Object.entries(firstBytes)) {
      const socket = connect({ host, port, noDelay: true });
      for (const byte of Buffer.from(bytes, "latin1")) {
        await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
        await new Promise(setImmediate);
      }
      const [data] = await once(socket, "data");
      // The server's first frame is SETTINGS: type 4, after three bytes of length.
      const received = data[3] === 4 ? "SETTINGS" : data.toString().slice(0, 12);
      expect(received).to.equal(expected);
      socket.destroy();
    }
  });

  it("closes connections of both versions, idle ones at once", async () => {
    const other = await startTestService({ shutdownGraceMs: 30_000 });
    const baseUrl = `http://${formatAddress(other.server.httpAddress)}`;
    const lists = (["1.1", "2"] as const).map((httpVersion) =>
      createClient(PricingService, createConnectTransport({ baseUrl, httpVersion })).listLLMPrices(
        {},
      ),
    );
    await Promise.allSettled(lists);
    // It stops within mocha's timeout, which is below the grace period.
    await other.stop();
    await Promise.all(lists);
  });
});

function toFrame(json: string): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(Buffer.byteLength(json), 1);
  return Buffer.concat([prefix, Buffer.from(json)]);
}

function readFrames(bytes: Buffer): string[] {
  const frames: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    frames.push(bytes.subarray(at + 5, end).toString());
    at = end;
  }
  return frames;
}
