import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect } from "chai";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.js";
import { callAndStop } from "../../support/traced-service.js";

describe("llmprices serve with OTEL_EXPORTER_OTLP_ENDPOINT", function () {
  this.timeout(60_000);
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  it("has workers wait for the last traces as long as for all others, and say so", async () => {
    // It takes connections, and never answers.
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const log = await callAndStop(database, ["--workers", "1"], {
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, SHUTDOWN_GRACE_MS: "0" },
    });
    silent.close();
    expect(log).to.contain("the last traces could not be sent in time");
  });

  it("ends in time when no collector answers, and says so in the log", async () => {
    const log = await callAndStop(database, [], {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
    });
    expect(log).to.contain('"msg":"OpenTelemetry"').and.to.contain('"msg":"stopped"');
  });
});
