import { expect } from "chai";
import type { UsageFormat } from "../../src/domain/usage/usage.js";
import { type Body, costOf, findingsOf, quantitiesOf, type Rates } from "./normalized-usages.js";

/** A usage object, and what it says. */
export type Vector = {
  /** What is shown, as the name of a test. */
  readonly fact: string;
  readonly body: Body;
  readonly quantities: string;
  /** By default none. */
  readonly findings?: readonly string[];
  readonly rates?: Rates;
  /** In dollars, at the rates. */
  readonly cost?: string;
  /** The costs of wrong readings that are known. */
  readonly not?: readonly string[];
};

/** Declares a test for each vector. */
export function testVectors(format: UsageFormat, vectors: readonly Vector[]): void {
  for (const { fact, body, quantities, findings = [], rates, cost, not = [] } of vectors) {
    it(fact, () => {
      expect(quantitiesOf(format, body)).to.equal(quantities);
      expect(findingsOf(format, body)).to.deep.equal(findings);
      if (rates === undefined) return;
      expect(costOf(format, body, rates)).to.equal(cost);
      expect(not).not.to.include(cost);
    });
  }
}
