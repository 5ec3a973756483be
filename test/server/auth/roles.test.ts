import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { callEmpty, everyRpc, nameOf, reasonOf } from "../../support/every-rpc.js";
import { errorOf } from "../../support/received-errors.js";
import {
  type Endpoint,
  openEndpoints,
  type Protocol,
  protocols,
  startTestService,
} from "../../support/service.js";
import { createTokensFile, freshToken } from "../../support/tokens.js";

describe("Roles", function () {
  this.timeout(60_000);
  const clerk = freshToken("clerk", "calculate");
  const boss = freshToken("boss", "manage");
  const file = createTokensFile(clerk, boss);
  let stop: () => Promise<void>;
  let doorsOf: (token?: string) => Record<Protocol, Endpoint>;
  before(async () => {
    const service = await startTestService({ auth: file.auth });
    stop = service.stop;
    doorsOf = (token) => openEndpoints(service.server, token === undefined ? {} : { token });
  });
  after(async () => {
    await stop();
    file.remove();
  });

  for (const protocol of protocols) {
    for (const method of everyRpc) {
      const reads = method.idempotency === Idempotency.NO_SIDE_EFFECTS;

      it(`let nobody without a token call ${method.name}, through ${protocol}`, async () => {
        const refusal = await errorOf(callEmpty(doorsOf()[protocol], method));
        expect(refusal).to.deep.equal({
          code: Code.Unauthenticated,
          message: "the call needs the header authorization: Bearer <token>",
          reason: "TOKEN_MISSING",
          domain: "llmprices.v1",
          ...{ metadata: {}, fields: [], descriptions: [] },
        });
      });

      it(`let manage call ${method.name}, through ${protocol}`, async () => {
        const reason = await reasonOf(callEmpty(doorsOf(boss.token)[protocol], method));
        // Empty messages are refused for what they are, if at all.
        expect(reason).to.be.oneOf(["ok", "INVALID_FIELD"]);
      });

      if (reads) {
        it(`let calculate call ${method.name}, through ${protocol}`, async () => {
          const reason = await reasonOf(callEmpty(doorsOf(clerk.token)[protocol], method));
          expect(reason).to.be.oneOf(["ok", "INVALID_FIELD"]);
        });
      } else {
        it(`do not let calculate call ${method.name}, through ${protocol}`, async () => {
          const refusal = await errorOf(callEmpty(doorsOf(clerk.token)[protocol], method));
          expect(refusal).to.deep.equal({
            code: Code.PermissionDenied,
            message: `${nameOf(method)} needs the role manage; the caller's is calculate`,
            reason: "ROLE_INSUFFICIENT",
            domain: "llmprices.v1",
            metadata: { rpc: nameOf(method), role_held: "calculate", role_needed: "manage" },
            ...{ fields: [], descriptions: [] },
          });
        });
      }
    }
  }
});
