import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { type Address, formatAddress } from "../../src/config/address.js";
import { UpdateLLMPriceRequestSchema } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { until } from "../support/metrics.js";
import { freshPrice, type TestKey } from "../support/prices.js";
import { errorOf } from "../support/received-errors.js";
import {
  type Protocol,
  protocols,
  startTestService,
  type TestService,
} from "../support/service.js";

describe("Deadline", () => {
  let service: TestService;
  let key: TestKey;
  before(async () => {
    // Longer than a call takes, shorter than the tests' own deadlines.
    service = await startTestService({ maxCallTimeoutMs: 500 });
    ({ key } = await freshPrice(service, "1"));
  });
  after(() => service.stop());

  /** Does `work` while another transaction locks the price book, so that writes wait. */
  const whileBookIsLocked = async (work: () => Promise<void>) => {
    const other = await service.database.knex.transaction();
    await other.raw("select * from price_book for update");
    try {
      await work();
      // A statement that is not cancelled yet would get the lock, and write.
      await until(async () => (await waitingStatements()) === 0);
    } finally {
      await other.rollback();
    }
  };

  const update = (protocol: Protocol, timeoutMs?: number) =>
    service.endpoints[protocol].pricing.updateLLMPrice(
      { lookup: { case: "key", value: key }, price: "2" },
      timeoutMs === undefined ? {} : { timeoutMs },
    );

  const waitingStatements = async () => {
    const { rows } = await service.database.knex.raw(`
      select query from pg_stat_activity
      where datname = current_database() and state = 'active' and query ~ 'change_llm_price|raise_book_version'
        and pid <> pg_backend_pid()`);
    return rows.length;
  };

  for (const protocol of protocols) {
    it(`ends a ${protocol} call that sets none at the service's maximum`, async () => {
      await whileBookIsLocked(async () => {
        const { code, reason } = await errorOf(update(protocol));
        expect({ code, reason }).to.deep.equal({
          code: Code.DeadlineExceeded,
          reason: "DEADLINE_EXCEEDED",
        });
      });
    });

    it(`ends the SQL of a ${protocol} call when it is exceeded, and writes nothing`, async () => {
      await whileBookIsLocked(async () => {
        const { code } = await errorOf(update(protocol, 150));
        expect(code).to.equal(Code.DeadlineExceeded);
      });
      const { price } = (await service.pricing.getLLMPrice({ lookup: { case: "key", value: key } }))
        .llmPrice ?? { price: "none" };
      expect(price).to.equal("1");
    });
  }

  it("is enforced by the gRPC listener itself when the client only waits", async () => {
    await whileBookIsLocked(async () => {
      const session = connectHttp2(`http://${formatAddress(service.server.grpcAddress)}`);
      const stream = session.request({
        ":method": "POST",
        ":path": "/llmprices.v1.PricingService/CreateLLMPrice",
        "content-type": "application/grpc",
        "grpc-timeout": "100m",
        te: "trailers",
      });
      // Valid charge_type, provider, model and price.
      const text = (field: number, value: string) =>
        Buffer.concat([Buffer.from([(field << 3) | 2, value.length]), Buffer.from(value)]);
      const message = Buffer.concat([
        text(1, key.chargeType),
        text(2, key.provider),
        text(3, key.model),
        text(4, "1"),
      ]);
      stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
      const status = await new Promise((resolve) => {
        stream.on("response", (headers) => headers["grpc-status"] && resolve(headers));
        stream.on("trailers", resolve);
        stream.resume();
      });
      session.close();
      expect(status).to.include({ "grpc-status": String(Code.DeadlineExceeded) });
    });
  });

  // Timeouts that the libraries' timers would ignore, and timeouts far above the maximum.
  const longTimeouts = ["20S", "99999999H", "99999999M", "99999999S"];
  for (const timeout of longTimeouts) {
    it(`is the service's maximum when the client's is longer: grpc-timeout ${timeout}, at both listeners`, async () => {
      const { grpcAddress, httpAddress } = service.server;
      for (const address of [grpcAddress, httpAddress]) {
        expect(await statusOf(address, timeout)).to.equal("0");
        await whileBookIsLocked(async () => {
          const startedAt = performance.now();
          expect(await statusOf(address, timeout, updateOf(key))).to.equal("4");
          expect(performance.now() - startedAt).to.be.within(490, 15_000);
        });
      }
    });
  }

  for (const timeout of ["20000", "2147483648", "9999999999"]) {
    it(`is the service's maximum when the client's is longer: connect-timeout-ms ${timeout}`, async () => {
      await whileBookIsLocked(async () => {
        const startedAt = performance.now();
        const { message } = await errorOf(
          fetchJson(service, { "connect-timeout-ms": timeout }, { key, price: "2" }),
        );
        // The database's own limit may end the statement at the same moment.
        expect(message).to.match(/^the call's time of 500 ms is up$|deadline of the call/);
        expect(performance.now() - startedAt).to.be.within(490, 15_000);
      });
    });
  }

  for (const timeout of ["5", "1x", "-1m", "100000000S", "1 S", "S", ""]) {
    it(`is INVALID_ARGUMENT when it is malformed: "${timeout}", at both listeners`, async () => {
      const { grpcAddress, httpAddress } = service.server;
      for (const address of [grpcAddress, httpAddress]) {
        expect(await statusOf(address, timeout)).to.equal("3");
      }
    });
  }

  it("is the client's when it is shorter than the service's maximum", async () => {
    await whileBookIsLocked(async () => {
      const { message } = await errorOf(
        fetchJson(service, { "connect-timeout-ms": "120" }, { key, price: "2" }),
      );
      expect(message).to.match(/^the call's time of 1[012]\d ms is up$|deadline of the call/);
    });
  });
});

/** Sends plain JSON without a timeout in the client, so that the service ends the call. */
async function fetchJson(
  { server }: TestService,
  headers: Record<string, string>,
  body: { readonly key: TestKey; readonly price: string },
): Promise<unknown> {
  const url = `http://${formatAddress(server.httpAddress)}/llmprices.v1.PricingService/UpdateLLMPrice`;
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  if (response.ok) return response.json();
  throw new Error(((await response.json()) as { message: string }).message);
}

/** Encodes an UpdateLLMPrice call. */
function updateOf(key: TestKey): RawCall {
  const lookup = { case: "key" as const, value: key };
  const message = create(UpdateLLMPriceRequestSchema, { lookup, price: "2" });
  return { rpc: "UpdateLLMPrice", bytes: toBinary(UpdateLLMPriceRequestSchema, message) };
}

type RawCall = { readonly rpc: string; readonly bytes: Uint8Array };

/** Makes a gRPC call without a timeout in the client. Returns its status. */
async function statusOf(
  address: Address,
  timeout: string,
  { rpc, bytes }: RawCall = { rpc: "ListLLMPrices", bytes: new Uint8Array() },
): Promise<unknown> {
  const session = connectHttp2(`http://${formatAddress(address)}`);
  const stream = session.request({
    ...{ ":method": "POST", ":path": `/llmprices.v1.PricingService/${rpc}`, te: "trailers" },
    ...{ "content-type": "application/grpc", "grpc-timeout": timeout },
  });
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, bytes.length]), bytes]));
  stream.resume();
  const status = await new Promise<unknown>((resolve, reject) => {
    const onHeaders = (headers: IncomingHttpHeaders) =>
      headers["grpc-status"] && resolve(headers["grpc-status"]);
    stream.on("response", onHeaders).on("trailers", onHeaders).on("error", reject);
  });
  session.destroy();
  return status;
}
