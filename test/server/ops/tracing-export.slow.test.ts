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

  it("waits for a worker's last traces beyond the grace period, and logs when they cannot be sent", async () => {
    // Accepts connections, and never responds.
    const collector = createServer().listen(0, "127.0.0.1");
    await once(collector, "listening");
    const { port } = collector.address() as AddressInfo;
    const log = await callAndStop(database, ["--workers", "1"], {
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, SHUTDOWN_GRACE_MS: "0" },
    });
    collector.close();
    expect(log).to.contain("the last traces could not be sent in time");
  });

  it("stops in time when no collector responds, and logs the failed export", async () => {
    const log = await callAndStop(database, [], {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
    });
    expect(log).to.contain('"msg":"OpenTelemetry"').and.to.contain('"msg":"stopped"');
  });
});
