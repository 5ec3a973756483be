import { randomUUID } from "node:crypto";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { Client, credentials } from "@grpc/grpc-js";
import { expect } from "chai";
import { formatAddress } from "../../src/config/address.js";
import type { UpdateLLMPriceResponse } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { usagesOf } from "../support/allocations.js";
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
    const text = JSON.stringify(line.err);
    expect(text).to.not.match(/insert into|hush|n0t-to-be-logged/);
  });

  describe("says which prices a call is about:", () => {
    const t0 = new Date("2026-01-01");
    const textOf = ({ chargeType, provider, model }: TestKey) =>
      `${chargeType}/${provider}/${model}`;
    const missing = (index: number) => ({ ...key, model: `missing-${index}` });
    const later = new Date(Date.now() + 86_400_000);

    for (const protocol of protocols) {
      it(`a batch has its first missing keys, and counts, through ${protocol}`, async () => {
        const lines = Array.from({ length: 25 }, (_, index) => lineOf(missing(index % 12)));
        const requests = [lineOf(key), ...lines];
        const line = await onlyLineOf("BatchCalculateCharges", () =>
          service.endpoints[protocol].pricing.batchCalculateCharges({ requests }),
        );
        expect(line).to.include({ code: "ok", missing_key_count: 12, unpriced_count: 25 });
        const expected = Array.from({ length: 10 }, (_, index) => textOf(missing(index)));
        expect(line.missing_keys).to.deep.equal(expected);
      });

      it(`a calculation and an allocation have the missing key, through ${protocol}`, async () => {
        const facts = { missing_key_count: 1, unpriced_count: 1, error_reason: "PRICE_NOT_FOUND" };
        const { pricing } = service.endpoints[protocol];
        const single = await onlyLineOf("CalculateCharge", () =>
          errorOf(charge(protocol, {}, missing(1))),
        );
        const terms = { ...missing(1), providerCost: "1", currencyCode: "USD" };
        const allocation = await onlyLineOf("AllocateCharges", () =>
          errorOf(pricing.allocateCharges({ terms, accountUsages: usagesOf({ a: "1" }) })),
        );
        for (const line of [single, allocation]) {
          expect(line).to.include(facts);
          expect(line.missing_keys).to.deep.equal([textOf(missing(1))]);
        }
      });
    }

    it("a charge, and a batch with all its prices, have none", async () => {
      const requests = [lineOf(key)];
      const lines = [
        await onlyLineOf("CalculateCharge", () => charge("gRPC", {})),
        await onlyLineOf("BatchCalculateCharges", () =>
          service.pricing.batchCalculateCharges({ requests }),
        ),
      ];
      for (const line of lines) expect(line).not.to.have.any.keys(...namesOfFacts);
    });

    it("a write has its key, price, start and book version, also when it is repeated", async () => {
      const { key: written } = await freshPrice(service, "2", t0);
      const lookup = { case: "key" as const, value: written };
      const effectiveFrom = timestampFromDate(later);
      const requestId = randomUUID();
      const update = () =>
        service.pricing.updateLLMPrice({ lookup, price: "2.50", effectiveFrom, requestId });
      let bookVersion = 0n;
      const first = await onlyLineOf("UpdateLLMPrice", async () => {
        ({ bookVersion } = await update());
      });
      const expected = {
        ...{ key: textOf(written), price: "2.5", effective_from: later.toISOString() },
        book_version: Number(bookVersion),
      };
      const repeated = await onlyLineOf("UpdateLLMPrice", update);
      for (const line of [first, repeated]) expect(line).to.include(expected);
      const cancelled = await onlyLineOf("CancelLLMPriceRevision", () =>
        service.pricing.cancelLLMPriceRevision({ lookup, effectiveFrom }),
      );
      expect(cancelled).to.include({ ...expected, book_version: Number(bookVersion) + 1 });
    });

    it("a write from now on has the instant at which it took effect", async () => {
      const { key: written, id } = await freshPrice(service, "2", t0);
      const lookup = { case: "id" as const, value: id };
      let updated: UpdateLLMPriceResponse | undefined;
      const line = await onlyLineOf("UpdateLLMPrice", async () => {
        updated = await service.pricing.updateLLMPrice({ lookup, price: "3" });
      });
      const from = updated?.llmPrice?.effectiveFrom;
      expect(line).to.include({ key: textOf(written), price: "3" });
      expect(line.effective_from).to.equal(from && timestampDate(from).toISOString());
      const deleted = await onlyLineOf("DeleteLLMPrice", () =>
        service.pricing.deleteLLMPrice({ lookup }),
      );
      expect(deleted).to.include({ key: textOf(written), price: "3" });
      expect(deleted.effective_from).to.match(/^2.*Z$/);
      expect(deleted.book_version).to.equal(Number(line.book_version) + 1);
    });

    it("a rejected write has the key that the request names", async () => {
      const line = await onlyLineOf("CreateLLMPrice", () =>
        errorOf(service.pricing.createLLMPrice({ ...key, price: "7" })),
      );
      expect(line).to.include({
        error_reason: "PRICE_ALREADY_EXISTS",
        key: textOf(key),
        price: "7",
      });
      expect(line).not.to.have.any.keys("book_version", "effective_from");
    });

    it("an import has its counts and its book version", async () => {
      const { key: written } = await freshPrice(service, "2", t0);
      const rows = [rowOf(written, "4"), rowOf(key, "2")];
      let imported: { bookVersion: bigint } | undefined;
      const line = await onlyLineOf("ImportLLMPrices", async () => {
        imported = await importRows(service, rows);
      });
      const counts = { rows: 2, created: 0, updated: 1, unchanged: 1, ended: 0 };
      const book_version = Number(imported?.bookVersion);
      expect(line).to.include({ ...counts, registered: 0, book_version });
      const batched = await onlyLineOf("BatchUpsertLLMPrices", () =>
        service.pricing.batchUpsertLLMPrices({ rows, terms: { validateOnly: true } }),
      );
      expect(batched).to.include({ ...counts, updated: 0, unchanged: 2, validate_only: true });
    });

    it("a write to the catalog has its names", async () => {
      const names = { provider: "logged-provider", name: "logged-model" };
      const { catalog } = service;
      const provider = await onlyLineOf("CreateProvider", () =>
        catalog.createProvider({ name: names.provider, displayName: "not logged" }),
      );
      const model = await onlyLineOf("CreateModel", () => catalog.createModel(names));
      const deleted = await onlyLineOf("DeleteModel", () => catalog.deleteModel(names));
      const type = await onlyLineOf("CreateChargeType", () =>
        catalog.createChargeType({ name: "logged_type" }),
      );
      expect(provider).to.include({ provider: "logged-provider" });
      expect(provider.book_version).to.be.a("number");
      for (const line of [model, deleted]) {
        expect(line).to.include({ provider: "logged-provider", model: "logged-model" });
      }
      expect(type).to.include({ charge_type: "logged_type" });
      const text = JSON.stringify([provider, model, deleted, type]);
      expect(text).to.not.contain("not logged");
    });
  });
});

const namesOfFacts = ["missing_keys", "missing_key_count", "unpriced_count", "key", "book_version"];
