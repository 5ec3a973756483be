import { readFileSync } from "node:fs";
import { expect } from "chai";
import { unsupportedNodeReason } from "../../src/app/node-version.js";

const use = "use 22.23.2, 24.18.1 or later in production";

describe("unsupportedNodeReason", () => {
  const reasons: Readonly<Record<string, string | undefined>> = {
    "18.20.8": `Node.js 18 gets no security fixes; ${use}`,
    "20.20.2": `Node.js 20 has had no security fixes since April 2026; ${use}`,
    "21.7.3": `Node.js 21 gets no security fixes; ${use}`,
    "22.23.1": `Node.js 22.23.1 lacks security fixes; ${use}`,
    "22.9.9": `Node.js 22.9.9 lacks security fixes; ${use}`,
    "22.23.2": undefined,
    "22.24.0": undefined,
    "23.11.1": `Node.js 23 gets no security fixes; ${use}`,
    "24.18.0": `Node.js 24.18.0 lacks security fixes; ${use}`,
    "24.18.1": undefined,
    "24.18.1-nightly20261130": undefined,
    "25.9.0": `Node.js 25 gets no security fixes; ${use}`,
    "26.10.0": undefined,
    "27.0.0": undefined,
  };
  for (const [version, reason] of Object.entries(reasons)) {
    it(`is ${reason === undefined ? "undefined" : "a reason"} for ${version}`, () => {
      expect(unsupportedNodeReason(version)).to.equal(reason);
    });
  }

  it("is undefined for the version of the image", () => {
    const [, version = ""] =
      /^ARG NODE_IMAGE=node:([\d.]+)-/m.exec(readFileSync("deploy/Dockerfile", "utf8")) ?? [];
    expect(version).to.match(/^\d+\.\d+\.\d+$/);
    expect(unsupportedNodeReason(version)).to.equal(undefined);
  });

  it("names the versions that README.md and SECURITY.md ask for", () => {
    for (const file of ["README.md", "SECURITY.md"]) {
      const text = readFileSync(file, "utf8").replaceAll(/\s+/g, " ");
      expect(text, file).to.include("22.23.2, 24.18.1 or later");
    }
  });
});
