import { connect, type IncomingHttpHeaders } from "node:http2";
import { create, type DescField, type DescMessage, ScalarType, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { toFrame } from "../../../src/server/connect/error-response.js";
import { everyRpc, nameOf } from "../../support/every-rpc.js";
import { startTestService, type TestService } from "../../support/service.js";

/** What proxies and clients with small limits take: 8 KiB in most gRPC clients. */
const mostBytes = 6 * 1024;

describe("The headers and trailers of an error", () => {
  let service: TestService;
  /** 255 characters, each of which percent-encoding makes three times as long. */
  const longModel = (i: number) => `${String(i).padStart(5, "0")}${"%".repeat(250)}`;
  before(async () => {
    service = await startTestService();
    await service.catalog.createProvider({ name: "acme" });
    for (let i = 0; i < 21; i += 1) {
      const [model, key] = [longModel(i), { chargeType: "completion", provider: "acme" }];
      await service.catalog.createModel({ provider: "acme", name: model });
      await service.pricing.createLLMPrice({ ...key, model, price: "1" });
    }
  });
  after(() => service.stop());

  /** Sends one message over gRPC. Returns the trailers' code, and the bytes as HTTP/2 counts them. */
  const send = async (path: string, message: Uint8Array) => {
    const session = connect(`http://${formatAddress(service.server.grpcAddress)}`);
    const stream = session.request({
      ...{ ":method": "POST", ":path": `/${path}`, "content-type": "application/grpc" },
      te: "trailers",
    });
    stream.end(toFrame(0, message));
    const received: IncomingHttpHeaders[] = [];
    stream.on("response", (headers) => received.push(headers));
    stream.on("trailers", (trailers) => received.push(trailers));
    stream.resume();
    stream.on("error", () => {});
    await new Promise((resolve) => stream.on("close", resolve));
    session.destroy();
    const entries = received.flatMap((each) => Object.entries(each));
    const bytes = entries.reduce(
      (sum, [name, value]) => sum + name.length + `${value}`.length + 32,
      0,
    );
    return { status: received.at(-1)?.["grpc-status"], bytes };
  };

  const texts = {
    "characters of four bytes": "😀".repeat(300),
    "control characters": "\u0001".repeat(300),
    "quotes and percent signs": '"%'.repeat(150),
  };
  for (const method of everyRpc) {
    for (const [what, text] of Object.entries(texts)) {
      it(`are below 6 KiB when every field is wrong: ${method.name}, ${what}`, async () => {
        const message = toBinary(method.input, fill(method.input, text));
        const { status, bytes } = await send(nameOf(method), message);
        // A request without fields cannot be wrong.
        if (method.input.fields.some(({ scalar }) => scalar === ScalarType.STRING))
          expect(status).to.not.equal("0");
        expect(bytes).to.be.below(mostBytes);
      });
    }
  }

  const key = { chargeType: "completion", provider: "acme", model: longModel(99) };
  const many = <T>(of: (i: number) => T) => Array.from({ length: 50 }, (_, i) => of(i));
  const worst = {
    "a charge whose price is missing, with long neighbours": [
      "CalculateCharge",
      { ...key, providerCost: "1", usageRatio: { case: "accountUsageRatio", value: "1" } },
    ],
    "a price of a model that is not registered": ["CreateLLMPrice", { ...key, price: "1" }],
    "a lookup that many long keys match": ["GetLLMPrice", { lookup: { case: "key", value: key } }],
    "an allocation with many wrong accounts": [
      "AllocateCharges",
      {
        terms: { ...key, providerCost: "1", currencyCode: "USD" },
        accountUsages: many(() => ({ accountId: `${"😀".repeat(254)}\n`, usage: "😀" })),
      },
    ],
    "an import with many unknown models": [
      "ImportLLMPrices",
      { terms: {}, rows: many((i) => ({ ...key, model: longModel(100 + i), price: "1" })) },
    ],
    "an import whose keys have all changed": [
      "ImportLLMPrices",
      {
        terms: { baseBookVersion: 0n },
        rows: many((i) => ({ ...key, model: longModel(i % 21), price: `${2 + i}` })).slice(0, 21),
      },
    ],
    "an import whose keys change by more than allowed": [
      "ImportLLMPrices",
      {
        terms: { maxChangePercent: "0" },
        rows: many((i) => ({ ...key, model: longModel(i % 21), price: `${2 + i}` })).slice(0, 21),
      },
    ],
  } as const;
  for (const [what, [name, request]] of Object.entries(worst)) {
    it(`are below 6 KiB for ${what}`, async () => {
      const method = everyRpc.find((each) => each.name === name) as (typeof everyRpc)[number];
      const message = toBinary(
        method.input,
        create(method.input, request as Record<string, unknown>),
      );
      const { status, bytes } = await send(nameOf(method), message);
      expect(status).to.not.equal("0");
      expect(bytes).to.be.below(mostBytes);
    });
  }
});

/** Returns a message with every text as given, 30 elements in each list, and impossible numbers. */
function fill(message: DescMessage, text: string, depth = 0) {
  const fields: Record<string, unknown> = {};
  for (const field of message.fields) {
    const value = fillField(field, text, depth);
    if (value === undefined) continue;
    if (field.oneof === undefined) fields[field.localName] = value;
    else fields[field.oneof.localName] = { case: field.localName, value };
  }
  return create(message, fields);
}

function fillField(field: DescField, text: string, depth: number): unknown {
  if (field.fieldKind === "map" || depth > 3) return undefined;
  const one = () => {
    if (field.message !== undefined) return fill(field.message, text, depth + 1);
    if (field.enum !== undefined) return 99;
    if (field.scalar === ScalarType.STRING) return text;
    if (field.scalar === ScalarType.BOOL) return true;
    if (field.scalar === ScalarType.BYTES) return new Uint8Array(300);
    return field.scalar === ScalarType.INT64 || field.scalar === ScalarType.UINT64 ? -1n : -1;
  };
  return field.fieldKind === "list" ? Array.from({ length: 30 }, one) : one();
}
