import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import { toConnectError } from "../../src/rpc/errors/to-connect-error.js";

describe("toConnectError", () => {
  // connect-node derives the code from that of the RST_STREAM frame.
  for (const code of [Code.Internal, Code.Unavailable, Code.ResourceExhausted, Code.Canceled]) {
    it(`is CANCELLED when the client resets a call with a code that Connect maps to ${Code[code]}`, () => {
      const message = "http/2 stream closed with error code PROTOCOL_ERROR (0x1)";
      const error = toConnectError(new ConnectError(message, code));
      expect([error.code, error.rawMessage]).to.deep.equal([Code.Canceled, "the caller has gone"]);
    });
  }
});
