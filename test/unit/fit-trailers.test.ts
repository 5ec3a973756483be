import { findTrailerError, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { expect } from "chai";
import fc from "fast-check";
import { DomainError } from "../../src/domain/domain-error.js";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { fitTrailers } from "../../src/rpc/errors/fit-trailers.js";
import { toConnectError } from "../../src/rpc/errors/to-connect-error.js";

const anyText = (maxLength: number) =>
  fc
    .tuple(fc.constantFrom("a", "%", '"', "é", "😀", "\n"), fc.nat(maxLength))
    .map(([character, length]) => character.repeat(length));

describe("An error that is sent", () => {
  it("takes less than 6 KiB of trailers, and keeps its reason", () => {
    const violation = fc.record({ field: anyText(500), description: anyText(2000) });
    const key = fc.record({
      ...{ accountId: anyText(255), priceList: anyText(63) },
      ...{ chargeType: anyText(63), provider: anyText(63), model: anyText(255) },
    });
    const content = fc.record({
      message: anyText(20_000),
      metadata: fc.dictionary(fc.stringMatching(/^[a-z]{1,9}(_\d)?$/), anyText(3000)),
      violations: fc.array(violation, { maxLength: 40 }),
      suggestions: fc.record({ nearest: fc.array(key), candidates: fc.array(key) }),
    });
    const property = fc.property(content, ({ message, ...rest }) => {
      const failure = toConnectError(new DomainError("INVALID_FIELD", message, rest));
      const trailers = setTrailerStatus(new Headers(), failure);
      const bytes = [...trailers].reduce(
        (sum, [name, value]) => sum + name.length + value.length + 32,
        0,
      );
      expect(bytes).to.be.below(6000);
      const [info] = findTrailerError(trailers)?.findDetails(ErrorInfoSchema) ?? [];
      expect(info?.reason).to.equal("INVALID_FIELD");
    });
    fc.assert(property, { numRuns: 500 });
  });

  it("stays unchanged when it is short", () => {
    const violations = Array.from({ length: 20 }, (_, i) => ({
      field: `rows[${i}].model`,
      description: "is required",
    }));
    const metadata = { bad_rows: "20", rows: "30" };
    const error = new DomainError("INVALID_FIELD", "20 of 30 rows are bad", {
      metadata,
      violations,
    });
    expect(fitTrailers(error)).to.equal(error);
  });

  it("has the first violations that fit, and the number of the others", () => {
    const violations = Array.from({ length: 100 }, (_, i) => ({
      field: `rows[${i}].model`,
      description: `is ${"x".repeat(250)}`,
    }));
    const error = new DomainError("INVALID_FIELD", "x".repeat(9000), { violations });
    const fitted = fitTrailers(error);
    expect(fitted.message).to.match(/^x{450,}\.\.\.$/);
    expect(fitted.violations).to.deep.equal(violations.slice(0, fitted.violations.length));
    expect(fitted.violations).to.have.length.within(5, 20);
    const omitted = 100 - fitted.violations.length;
    expect(fitted.metadata).to.deep.equal({ omitted_violations: String(omitted) });
  });
});
