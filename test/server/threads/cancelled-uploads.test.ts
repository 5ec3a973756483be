import { connect } from "node:http2";
import { setTimeout as wait } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import {
  PricingService,
  StreamAllocateChargesRequestSchema,
} from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { toFrame } from "../../../src/server/connect/error-response.js";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import { collectGarbage } from "../../support/garbage.js";
import { offloadedCallsInFlight, until } from "../../support/metrics.js";
import { freshPrice } from "../../support/prices.js";
import { startTestService, type TestService } from "../../support/service.js";

const mib = 2 ** 20;
const streams = 40;

describe("Uploads of many streams that their client cancels", function () {
  this.timeout(60_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  it("leave no message in the memory of the main thread", async () => {
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    const terms = { ...key, providerCost: "1000", currencyCode: "USD" };
    const encode = (message: object) =>
      toFrame(
        0,
        toBinary(
          StreamAllocateChargesRequestSchema,
          create(StreamAllocateChargesRequestSchema, message),
        ),
      );
    const messages = [0, 1, 2, 3].map((part) =>
      encode({
        ...(part === 0 && { terms }),
        accountUsages: Array.from({ length: 7500 }, (_, i) => ({
          accountId: `${part * 10_000 + i}`.padStart(250, "a"),
          usage: "1",
        })),
      }),
    );
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    const session = connect(`http://${formatAddress(service.server.grpcAddress)}`);
    session.on("error", () => {});
    for (let i = 0; i < streams; i += 1) {
      const stream = session.request({
        ...{ ":method": "POST", ":path": pathOf(PricingService.method.streamAllocateCharges) },
        ...{ te: "trailers", "content-type": "application/grpc+proto" },
      });
      stream.on("error", () => {});
      for (const message of messages) stream.write(message);
    }
    // Some streams have a place in the thread, and the others wait for one.
    await until(async () => (await offloadedCallsInFlight(service)) > streams / 2);
    await wait(300);
    session.destroy();
    await until(async () => (await offloadedCallsInFlight(service)) === 0);
    await until(() => {
      collectGarbage();
      return process.memoryUsage().arrayBuffers < before + 8 * mib;
    });
    expect(process.memoryUsage().arrayBuffers).to.be.below(before + 8 * mib);
  });
});
