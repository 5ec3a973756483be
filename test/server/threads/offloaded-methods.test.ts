import { Agent, request as httpRequest } from "node:http";
import { expect } from "chai";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { startTestService, type TestService } from "../../support/service.js";

describe("Large calls over plain HTTP", () => {
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService();
    ({ key } = await freshPrice(service, "1.25", new Date("2020-01-01")));
  });
  after(() => service.stop());

  /** Does `work` with an agent that keeps one connection alive between calls. */
  const withConnection = async (work: (agent: Agent) => Promise<void>) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await work(agent).finally(() => agent.destroy());
  };
  const exchange = (agent: Agent, rpc: string, body?: string) =>
    new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const sent = httpRequest(
        {
          ...{ ...service.server.httpAddress, agent, path: `/llmprices.v1.PricingService/${rpc}` },
          method: body === undefined ? "GET" : "POST",
          headers: { "content-type": "application/json" },
        },
        async (response) => {
          const chunks = await response.toArray();
          resolve({ status: response.statusCode, body: Buffer.concat(chunks).toString() });
        },
      );
      sent.on("error", reject);
      sent.end(body);
    });
  const line = () => ({ ...key, providerCost: "100", accountUsageRatio: "1" });
  const terms = () => ({ ...key, providerCost: "1", currencyCode: "USD" });

  it("are answered when their JSON is written by hand", async () => {
    await withConnection(async (agent) => {
      const requests = [line(), { ...line(), providerCost: "1e3" }];
      const batch = await exchange(agent, "BatchCalculateCharges", JSON.stringify({ requests }));
      const { results } = JSON.parse(batch.body);
      expect(results[0].charge.accountCharge).to.equal("125");
      expect(results[1].error).to.include({ code: 3 });
      const types = results[1].error.details.map((detail: { "@type": string }) => detail["@type"]);
      expect(types).to.deep.equal([
        "type.googleapis.com/google.rpc.ErrorInfo",
        "type.googleapis.com/google.rpc.BadRequest",
      ]);
      const accountUsages = [{ accountId: "a", usage: "1" }];
      const body = JSON.stringify({ terms: terms(), accountUsages });
      const allocation = await exchange(agent, "AllocateCharges", body);
      const { accountCharges } = JSON.parse(allocation.body);
      expect(accountCharges).to.deep.equal([{ accountId: "a", accountCharge: "1.25" }]);
    });
  });

  it("are answered over GET, as Connect allows for methods without side effects", async () => {
    await withConnection(async (agent) => {
      const message = encodeURIComponent(JSON.stringify({ requests: [line()] }));
      const query = `encoding=json&connect=v1&message=${message}`;
      const { status, body } = await exchange(agent, `BatchCalculateCharges?${query}`);
      expect(status).to.equal(200);
      expect(JSON.parse(body).results[0].charge.accountCharge).to.equal("125");
    });
  });

  it("leave the connection usable for the next call when they are rejected for their size", async () => {
    await withConnection(async (agent) => {
      for (const rpc of ["BatchCalculateCharges", "AllocateCharges"]) {
        for (let i = 0; i < 2; i += 1) {
          const tooLarge = JSON.stringify({ model: "m".repeat(5 * 1024 * 1024) });
          expect((await exchange(agent, rpc, tooLarge)).status).to.equal(429);
          expect((await exchange(agent, rpc, "{}")).status).to.be.oneOf([200, 400]);
        }
      }
    });
  });

  it("reject an unknown JSON field, also in a line", async () => {
    await withConnection(async (agent) => {
      const misspelled = { requests: [{ ...line(), asOff: "2026-01-01T00:00:00Z" }] };
      const { status, body } = await exchange(
        agent,
        "BatchCalculateCharges",
        JSON.stringify(misspelled),
      );
      expect(status).to.equal(400);
      expect(body).to.include("asOff");
    });
  });
});
