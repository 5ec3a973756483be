import { create, type DescMessage, toBinary } from "@bufbuild/protobuf";
import { StructSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import * as fc from "fast-check";
import { CatalogService } from "../../src/gen/llmprices/v1/catalog_service_pb.js";
import { LLMPriceSchema } from "../../src/gen/llmprices/v1/llm_price_pb.js";
import {
  CalculateChargeResponseSchema,
  ListLLMPricesResponseSchema,
  PricingService,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { RateService } from "../../src/gen/llmprices/v1/rate_service_pb.js";
import { compileEncoder } from "../../src/protobuf/compiled-encoder.js";
import { shareMessage } from "../../src/protobuf/shared-messages.js";
import { initsOf } from "../support/messages.js";

const encode = (message: DescMessage, init: object) =>
  compileEncoder(message)(init as never).toString("hex");
const expected = (message: DescMessage, init: object) =>
  Buffer.from(toBinary(message, create(message, init as never))).toString("hex");

describe("Compiled encoder of responses", () => {
  const services = [PricingService, CatalogService, RateService];
  for (const { name, output } of services.flatMap(({ methods }) => methods)) {
    it(`encodes every response of ${name} like protobuf-es`, async () => {
      const encodeOutput = compileEncoder(output);
      await fc.assert(
        fc.property(initsOf(output), (init) => {
          expect(encodeOutput(init).toString("hex")).to.equal(expected(output, init));
        }),
      );
    });
  }

  it("encodes a default value in an optional field, and omits it in other fields", () => {
    const init = { accountCharge: "", exact: false, rounding: { scale: 0 } };
    const bytes = encode(CalculateChargeResponseSchema, init);
    expect(bytes).to.equal(expected(CalculateChargeResponseSchema, init));
  });

  it("encodes nested messages whose lengths take one, two and three bytes", () => {
    for (const length of [125, 126, 127, 128, 16_380, 16_384, 70_000, 2_100_000]) {
      const init = { llmPrices: [{ model: "m".repeat(length) }, { model: "é" }] };
      const bytes = encode(ListLLMPricesResponseSchema, init);
      expect(bytes, `${length}`).to.equal(expected(ListLLMPricesResponseSchema, init));
    }
  });

  it("encodes a shared message like any other, also again and in another message", () => {
    const shared = shareMessage(create(TimestampSchema, { seconds: 1_790_000_000n, nanos: 5 }));
    const long = shareMessage(
      create(LLMPriceSchema, { model: "m".repeat(300), createdAt: shared }),
    );
    const init = { llmPrices: [long, { createdAt: shared }, long] };
    for (let i = 0; i < 3; i += 1) {
      const bytes = encode(ListLLMPricesResponseSchema, init);
      expect(bytes).to.equal(expected(ListLLMPricesResponseSchema, init));
    }
  });

  it("encodes the next message after a message that fails to encode", () => {
    const broken = { asOf: { seconds: "no number" } };
    expect(() => encode(CalculateChargeResponseSchema, broken)).to.throw();
    const init = { markup: "1" };
    const bytes = encode(CalculateChargeResponseSchema, init);
    expect(bytes).to.equal(expected(CalculateChargeResponseSchema, init));
  });

  it("delegates kinds of fields that no response has to protobuf-es", () => {
    const struct = { fields: { a: { kind: { case: "numberValue" as const, value: 1.5 } } } };
    expect(encode(StructSchema, struct)).to.equal(expected(StructSchema, struct));
  });
});
