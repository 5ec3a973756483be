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
  let endpointsOf: (token?: string) => Record<Protocol, Endpoint>;
  before(async () => {
    const service = await startTestService({ auth: file.auth });
    stop = service.stop;
    endpointsOf = (token) => openEndpoints(service.server, token === undefined ? {} : { token });
  });
  after(async () => {
    await stop();
    file.remove();
  });

  for (const protocol of protocols) {
    for (const method of everyRpc) {
      const reads = method.idempotency === Idempotency.NO_SIDE_EFFECTS;

      it(`do not allow ${method.name} without a token, through ${protocol}`, async () => {
        const error = await errorOf(callEmpty(endpointsOf()[protocol], method));
        expect(error).to.deep.equal({
          code: Code.Unauthenticated,
          message: "the call needs the header authorization: Bearer <token>",
          reason: "TOKEN_MISSING",
          domain: "llmprices.v1",
          ...{ metadata: {}, fields: [], descriptions: [] },
        });
      });

      it(`allow manage to call ${method.name}, through ${protocol}`, async () => {
        const reason = await reasonOf(callEmpty(endpointsOf(boss.token)[protocol], method));
        // Validation may reject the empty message.
        expect(reason).to.be.oneOf(["ok", "INVALID_FIELD"]);
      });

      if (reads) {
        it(`allow calculate to call ${method.name}, through ${protocol}`, async () => {
          const reason = await reasonOf(callEmpty(endpointsOf(clerk.token)[protocol], method));
          expect(reason).to.be.oneOf(["ok", "INVALID_FIELD"]);
        });
      } else {
        it(`do not allow calculate to call ${method.name}, through ${protocol}`, async () => {
          const error = await errorOf(callEmpty(endpointsOf(clerk.token)[protocol], method));
          expect(error).to.deep.equal({
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
