import { configureTextEncoding, getTextEncoding } from "@bufbuild/protobuf/wire";
import { expect } from "chai";
import { withConnection } from "../../src/cli/client/client.js";
import { pagesOfRevisions } from "../../src/cli/client/list-all.js";
import { formatAddress } from "../../src/config/address.js";
import { freshKey } from "../support/prices.js";
import { startTestService } from "../support/service.js";

describe("The client of the commands", () => {
  const inUse = getTextEncoding();
  afterEach(() => configureTextEncoding(inUse));

  it("keeps a U+FEFF at the start of a text", async () => {
    const service = await startTestService();
    const key = await freshKey(service);
    const reason = "\uFEFFnew contract";
    const { llmPrice } = await service.pricing.createLLMPrice({ ...key, price: "1", reason });
    // The service runs in this process, where it has replaced this default of protobuf-es.
    const decoder = new TextDecoder();
    configureTextEncoding({ ...getTextEncoding(), decodeUtf8: (bytes) => decoder.decode(bytes) });
    const address = formatAddress(service.server.grpcAddress);
    const lookup = { case: "id", value: llmPrice?.id ?? "" } as const;
    await withConnection({ address }, async (connection) => {
      for await (const revisions of pagesOfRevisions(connection, { lookup })) {
        expect(revisions.map((revision) => revision.reason)).to.deep.equal([reason]);
      }
    });
    await service.stop();
  });
});
