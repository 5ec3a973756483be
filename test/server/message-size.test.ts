import { create, toBinary } from "@bufbuild/protobuf";
import { Code, createClient, type Transport } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { expect } from "chai";
import { formatAddress } from "../../src/config/address.js";
import {
  CreateLLMPriceRequestSchema,
  PricingService,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { answerOf, type TestMessage } from "../support/allocations.js";
import { lineOf } from "../support/batches.js";
import { sent } from "../support/imports.js";
import { freshPrice, type TestKey } from "../support/prices.js";
import { errorOf } from "../support/received-errors.js";
import { protocols, startTestService, type TestService } from "../support/service.js";

const maxBytes = 20_000;
const tooLarge = {
  code: Code.ResourceExhausted,
  reason: "MESSAGE_TOO_LARGE",
  metadata: { max_message_bytes: String(maxBytes) },
};

describe("A message", () => {
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService({ maxMessageBytes: maxBytes });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
  });
  after(() => service.stop());

  const summaryOf = async (call: Promise<unknown>) => {
    const { code, reason, metadata } = await errorOf(call);
    return { code, reason, metadata };
  };
  const terms = () => ({ ...key, providerCost: "1", currencyCode: "USD" });

  for (const protocol of ["gRPC", "gRPC-Web", "Connect"] as const) {
    it(`of MAX_MESSAGE_BYTES is read, and one of a byte more is rejected, through ${protocol}`, async () => {
      const request = (reason: string) => ({ ...key, price: "1", reason });
      const sizeOf = (reason: string) =>
        toBinary(CreateLLMPriceRequestSchema, create(CreateLLMPriceRequestSchema, request(reason)))
          .length;
      const reason = "x".repeat(maxBytes - (sizeOf("x".repeat(maxBytes)) - maxBytes));
      expect(sizeOf(reason)).to.equal(maxBytes);
      const { pricing } = service.endpoints[protocol];
      // The message is read, and its reason is too long.
      const read = await errorOf(pricing.createLLMPrice(request(reason)));
      expect(read).to.deep.include({ code: Code.InvalidArgument, fields: ["reason"] });
      expect(await summaryOf(pricing.createLLMPrice(request(`${reason}x`)))).to.deep.equal(
        tooLarge,
      );
    });
  }

  for (const protocol of protocols) {
    it(`is rejected when it is larger, also by methods that worker threads serve, through ${protocol}`, async () => {
      const { pricing } = service.endpoints[protocol];
      const requests = [lineOf(key, { providerCost: `0.${"0".repeat(maxBytes)}` })];
      expect(await summaryOf(pricing.batchCalculateCharges({ requests }))).to.deep.equal(tooLarge);
      const rows = [{ ...key, price: "1", model: "x".repeat(maxBytes) }];
      const imported = pricing.importLLMPrices(sent([{ terms: {}, rows }]));
      expect(await summaryOf(imported)).to.deep.equal(tooLarge);
    });

    it(`of a stream counts by itself, not together with earlier messages, through ${protocol}`, async () => {
      const { pricing } = service.endpoints[protocol];
      // Each usage has about 210 bytes. Together, the three messages would be too large.
      const usages = (id: string, count: number) =>
        Array.from({ length: count }, (_, i) => ({
          accountId: `${id}${i}`.padEnd(200, "-"),
          usage: "1",
        }));
      const messages: TestMessage[] = [
        { terms: terms(), accountUsages: usages("a", 60) },
        { accountUsages: usages("b", 60) },
        { accountUsages: usages("c", 60) },
      ];
      const { totals } = await answerOf(pricing.streamAllocateCharges(sent(messages)));
      expect(totals?.totalCharge).to.equal("1.00");
      const late = [...messages, { accountUsages: usages("d", 120) }];
      expect(await summaryOf(answerOf(pricing.streamAllocateCharges(sent(late))))).to.deep.equal(
        tooLarge,
      );
    });
  }

  it("that decompresses from 8 kB to 8 MB is rejected, through every protocol", async () => {
    const bomb = "0".repeat(8_000_000);
    for (const [name, transport] of Object.entries(compressing(service))) {
      const pricing = createClient(PricingService, transport);
      const expectTooLarge = async (call: Promise<unknown>, what: string) =>
        expect(await summaryOf(call), `${what}, ${name}`).to.deep.equal(tooLarge);
      const line = lineOf(key, { providerCost: bomb });
      await expectTooLarge(pricing.calculateCharge(line), "a single call");
      await expectTooLarge(pricing.batchCalculateCharges({ requests: [line] }), "a batch");
      const messages = [{ terms: terms() }, { accountUsages: [{ accountId: bomb, usage: "1" }] }];
      const stream = answerOf(pricing.streamAllocateCharges(sent(messages)));
      await expectTooLarge(stream, "a stream");
    }
  });

  it("that cannot be decompressed is INVALID_ARGUMENT, at the gRPC listener", async () => {
    const broken: Compression = {
      ...compressionGzip,
      compress: async (bytes) => Uint8Array.from(bytes),
    };
    const transport = createGrpcTransport({
      baseUrl: `http://${formatAddress(service.server.grpcAddress)}`,
      ...{ sendCompression: broken, compressMinBytes: 0 },
    });
    const pricing = createClient(PricingService, transport);
    const malformed = { code: Code.InvalidArgument, reason: "MALFORMED_REQUEST", metadata: {} };
    expect(await summaryOf(pricing.calculateCharge(lineOf(key)))).to.deep.equal(malformed);
    const batch = pricing.batchCalculateCharges({ requests: [lineOf(key)] });
    expect(await summaryOf(batch)).to.deep.equal(malformed);
  });
});

/** Returns transports that compress their requests. */
function compressing({ server }: TestService): Readonly<Record<string, Transport>> {
  const grpc = `http://${formatAddress(server.grpcAddress)}`;
  const http = `http://${formatAddress(server.httpAddress)}`;
  const compress = { sendCompression: compressionGzip, compressMinBytes: 0 };
  return {
    gRPC: createGrpcTransport({ baseUrl: grpc, ...compress }),
    "gRPC-Web": createGrpcWebTransport({ baseUrl: http, httpVersion: "1.1", ...compress }),
    Connect: createConnectTransport({ baseUrl: http, httpVersion: "1.1", ...compress }),
    "Connect over HTTP/2": createConnectTransport({ baseUrl: http, httpVersion: "2", ...compress }),
    "gRPC at the HTTP listener": createGrpcTransport({ baseUrl: http, ...compress }),
  };
}
