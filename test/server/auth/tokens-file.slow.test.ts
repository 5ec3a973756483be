import { Writable } from "node:stream";
import { expect } from "chai";
import { pino } from "pino";
import { formatAddress } from "../../../src/config/address.js";
import { reasonOf } from "../../support/every-rpc.js";
import { until } from "../../support/metrics.js";
import { openEndpoints, startTestService, type TestService } from "../../support/service.js";
import {
  createTokensFile,
  freshToken,
  type TestToken,
  type TokensFile,
  toTokensText,
} from "../../support/tokens.js";

describe("AUTH_TOKENS_FILE, when it changes", () => {
  const old = freshToken("billing", "manage");
  const fresh = freshToken("billing", "manage");
  const other = freshToken("reports", "calculate");
  const lines: string[] = [];
  const log = pino(
    new Writable({
      write: (line, _, done) => {
        lines.push(String(line));
        done();
      },
    }),
  );
  let file: TokensFile;
  let service: TestService;
  before(async () => {
    file = createTokensFile(old, other);
    service = await startTestService({ auth: file.auth }, undefined, { ...old, log });
  });
  after(async () => {
    await service.stop();
    file.remove();
  });
  afterEach(async () => {
    file.replace([old, other]);
    await until(() => isAccepted(service, old));
  });

  const lastReadSuccessful = async () => {
    const response = await fetch(`http://${formatAddress(service.server.opsAddress)}/metrics`);
    return /^llmprices_file_last_read_successful\{variable="AUTH_TOKENS_FILE"\} (\d)$/m.exec(
      await response.text(),
    )?.[1];
  };

  it("keeps the previous tokens when it is malformed, and logs the problem without its content", async () => {
    for (const text of ["", `[{"name": "${fresh.token}"}]`, toTokensText([fresh]).slice(0, -3)]) {
      lines.length = 0;
      file.replace(text);
      await until(async () => (await lastReadSuccessful()) === "0");
      const [problem = ""] = lines.filter((line) => line.includes("kept what a file had before"));
      expect(JSON.parse(problem)).to.include({ level: 50, variable: "AUTH_TOKENS_FILE" });
      expect(JSON.parse(problem).problem).to.match(/^AUTH_TOKENS_FILE is "\/.*": line \d+/);
      expect(lines.join())
        .to.not.include(fresh.token)
        .and.not.match(/[0-9a-f]{64}/);
      expect(await isAccepted(service, old)).to.equal(true);
      file.replace([old, other]);
      await until(async () => (await lastReadSuccessful()) === "1");
    }
  });
});

/** Returns whether the service accepts a token, over a new connection. */
async function isAccepted({ server }: TestService, token: TestToken): Promise<boolean> {
  const { catalog } = openEndpoints(server, token)["Connect JSON"];
  return (await reasonOf(catalog.listModels({}))) === "ok";
}
