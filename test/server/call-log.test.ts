import { ConnectError } from "@connectrpc/connect";
import { Client, credentials } from "@grpc/grpc-js";
import { expect } from "chai";
import { formatAddress } from "../../src/config/address.js";
import { lineOf } from "../support/batches.js";
import { importRows, rowOf } from "../support/imports.js";
import { type KeptLog, keepLog, type LogLine } from "../support/log.js";
import { until } from "../support/metrics.js";
import { freshPrice, type TestKey } from "../support/prices.js";
import {
  type Protocol,
  protocols,
  startTestService,
  type TestService,
} from "../support/service.js";

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

describe("The log line of a call", () => {
  let kept: KeptLog;
  let service: TestService;
  let key: TestKey;
  before(async () => {
    kept = keepLog();
    service = await startTestService({}, undefined, { log: kept.log });
    ({ key } = await freshPrice(service, "2", new Date("2026-01-01")));
  });
  after(() => service.stop());

  /** Does `work`. Returns the log lines that it adds for an RPC. */
  const linesOf = async (rpc: string, work: () => Promise<unknown>, count = 1) => {
    const before = kept.callsOf(rpc).length;
    await work();
    await until(() => kept.callsOf(rpc).length >= before + count);
    return kept.callsOf(rpc).slice(before);
  };
  const onlyLineOf = async (rpc: string, work: () => Promise<unknown>): Promise<LogLine> => {
    const lines = await linesOf(rpc, work);
    expect(lines).to.have.length(1);
    return lines[0] as LogLine;
  };
  const charge = (protocol: Protocol, headers: Record<string, string>, changes = {}) =>
    service.endpoints[protocol].pricing.calculateCharge(lineOf(key, changes), { headers });
  const batch = (protocol: Protocol, headers: Record<string, string>) =>
    service.endpoints[protocol].pricing.batchCalculateCharges({ requests: [] }, { headers });
  const errorOf = (call: Promise<unknown>) =>
    call.then(
      () => Promise.reject(new Error("expected an error")),
      (error) => ConnectError.from(error),
    );

  for (const protocol of protocols) {
    it(`has the caller's x-request-id and trace, through ${protocol}`, async () => {
      const headers = { "x-request-id": "order-17/retry:2", traceparent };
      const expected = {
        code: "ok",
        caller: "anonymous",
        request_id: "order-17/retry:2",
        trace_id: "0af7651916cd43dd8448eb211c80319c",
      };
      const line = await onlyLineOf("CalculateCharge", () => charge(protocol, headers));
      expect(line).to.include(expected);
      expect(line.ms).to.be.within(0, 10_000);
      const offloaded = await onlyLineOf("BatchCalculateCharges", () => batch(protocol, headers));
      expect(offloaded).to.include(expected);
    });
  }

  it("has a generated id when the caller's is missing or malformed", async () => {
    for (const given of ["", "two words", "x".repeat(129), '"}', "$(reboot)", "-rf"]) {
      const headers = given === "" ? {} : { "x-request-id": given };
      for (const protocol of ["gRPC", "Connect"] as const) {
        const line = await onlyLineOf("CalculateCharge", () => charge(protocol, headers));
        expect(line.request_id, given).to.match(uuid);
        expect(line).to.not.have.property("trace_id");
      }
    }
    const longest = await onlyLineOf("CalculateCharge", () =>
      charge("gRPC", { "x-request-id": "x".repeat(128) }),
    );
    expect(longest.request_id).to.equal("x".repeat(128));
  });

  it("has the id that a failed call returns, through every protocol and from worker threads", async () => {
    for (const protocol of protocols) {
      let failure = new ConnectError("none");
      const single = await onlyLineOf("CalculateCharge", async () => {
        failure = await errorOf(charge(protocol, {}, { providerCost: "x" }));
      });
      expect(failure.metadata.get("x-request-id"), protocol).to.equal(single.request_id);
      expect(single).to.include({ code: "invalid_argument", error_reason: "INVALID_FIELD" });
      const offloaded = await onlyLineOf("BatchCalculateCharges", async () => {
        const call = service.endpoints[protocol].pricing.batchCalculateCharges({
          minBookVersion: -1n,
        });
        failure = await errorOf(call);
      });
      expect(failure.metadata.get("x-request-id"), protocol).to.equal(offloaded.request_id);
    }
  });

  it("is written once for a malformed message", async () => {
    const path = "/llmprices.v1.PricingService";
    const post = async (rpc: string, type: string, body: string) => {
      const url = `http://${formatAddress(service.server.httpAddress)}${path}/${rpc}`;
      const headers = { "content-type": type, "x-request-id": "unread-1" };
      const response = await fetch(url, { method: "POST", headers, body });
      await response.text();
      expect(response.headers.get("x-request-id")).to.equal("unread-1");
    };
    for (const rpc of ["CalculateCharge", "BatchCalculateCharges"]) {
      const line = await onlyLineOf(rpc, () => post(rpc, "application/json", "{"));
      expect(line).to.include({
        ...{ code: "invalid_argument", error_reason: "MALFORMED_REQUEST", protocol: "connect" },
        ...{ request_id: "unread-1", caller: "anonymous" },
      });
    }
  });

  it("is written once for a message in the URL that is not base64", async () => {
    const path = "/llmprices.v1.PricingService/CalculateCharge";
    const query = "connect=v1&encoding=proto&base64=1&message=A";
    const url = `http://${formatAddress(service.server.httpAddress)}${path}?${query}`;
    const line = await onlyLineOf("CalculateCharge", async () => {
      const response = await fetch(url, { headers: { "x-request-id": "unread-2" } });
      await response.text();
      expect(response.headers.get("x-request-id")).to.equal("unread-2");
    });
    expect(line).to.include({
      ...{ code: "invalid_argument", error_reason: "MALFORMED_REQUEST", protocol: "connect" },
      ...{ request_id: "unread-2", caller: "anonymous" },
    });
  });

  it("has a write's request_id and reason beside the call's id", async () => {
    const requestId = "0b8f4fb5-1f0c-4d0a-8a10-3f5a0a1f0c11";
    const line = await onlyLineOf("CreateProvider", () =>
      service.catalog.createProvider({ name: "audited", requestId, reason: "asked by finance" }),
    );
    expect(line).to.include({ write_request_id: requestId, reason: "asked by finance" });
    expect(line.request_id).to.match(uuid).and.to.not.equal(requestId);
  });

  it("has no write's reason for a malformed message", async () => {
    const line = await onlyLineOf("ListLLMPrices", async () => {
      const { grpcAddress } = service.server;
      const client = new Client(formatAddress(grpcAddress), credentials.createInsecure());
      const same = (bytes: Buffer) => bytes;
      const path = "/llmprices.v1.PricingService/ListLLMPrices";
      const bytes = Buffer.from("ffffff", "hex");
      await new Promise((resolve) =>
        client.makeUnaryRequest(path, same, same, bytes, resolve as never),
      );
      client.close();
    });
    expect(line).to.include({ code: "invalid_argument", error_reason: "MALFORMED_REQUEST" });
    expect(line).not.to.have.any.keys("reason", "write_request_id");
  });

  it("has neither secrets nor the content of messages", async () => {
    const secret = "s3cr3t-token";
    for (const protocol of protocols) {
      const headers = { authorization: `Bearer ${secret}`, cookie: secret };
      await linesOf("CalculateCharge", () =>
        charge(protocol, headers, { providerCost: "73519.25" }),
      );
    }
    const url = `http://${formatAddress(service.server.httpAddress)}`;
    const rpc = "/llmprices.v1.CatalogService/ListProviders";
    await onlyLineOf("ListProviders", () =>
      fetch(`${url}${rpc}?encoding=json&message={}&x=${secret}`),
    );
    expect(kept.text()).to.not.contain(secret).and.to.not.contain("73519.25");
  });

  it("has a database error of a worker thread with its SQLSTATE", async () => {
    const { knex } = service.database;
    await knex.raw("alter table llm_price_revisions add constraint no_four check (price <> 4)");
    const line = await onlyLineOf("ImportLLMPrices", () =>
      errorOf(importRows(service, [rowOf(key, "4")])),
    );
    await knex.raw("alter table llm_price_revisions drop constraint no_four");
    expect(line).to.include({ level: "error", code: "internal" });
    expect(line.err).to.include({
      ...{ type: "error", code: "23514", table: "llm_price_revisions", constraint: "no_four" },
    });
  });

  it("has a database error without its SQL and its values", async () => {
    await service.database.knex.raw(`
      create function reject_row() returns trigger language plpgsql as $$
      begin
        raise exception 'the trigger rejects the row' using detail = 'Failing row contains (hush, hush)';
      end $$`);
    await service.database.knex.raw(
      "create trigger reject_row before insert on providers for each row execute function reject_row()",
    );
    const line = await onlyLineOf("CreateProvider", () =>
      errorOf(service.catalog.createProvider({ name: "n0t-to-be-logged" })),
    );
    await service.database.knex.raw("drop trigger reject_row on providers");
    expect(line).to.include({ level: "error", code: "internal", message: "internal error" });
    expect(line.err).to.include({
      type: "error",
      code: "P0001",
      message: "the trigger rejects the row",
    });
    expect((line.err as LogLine).stack).to.match(/^ {4}at /);
    const text = JSON.stringify(line);
    expect(text).to.not.match(/insert into|hush|n0t-to-be-logged/);
  });
});
