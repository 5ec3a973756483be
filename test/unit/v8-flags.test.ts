import { readFileSync } from "node:fs";
import { expect } from "chai";
import { addV8Flags, missingV8Flags, v8Flags } from "../../src/server/runtime-tuning/v8-flags.js";

const flags = v8Flags.join(" ");
const listed = v8Flags.map((flag) => `"${flag}"`).join(", ");

describe("The V8 flags", () => {
  const places: Readonly<Record<string, readonly [path: string, text: string]>> = {
    "the image": ["deploy/Dockerfile", `ENTRYPOINT ["node", ${listed}, "dist/src/main.js"]`],
    "the command llmprices": ["src/main.ts", `#!/usr/bin/env -S node ${flags}\n`],
    "npm start": ["package.json", `exec node ${flags} dist/src/main.js serve`],
    "npm run dev": [
      "package.json",
      `exec node --watch --enable-source-maps ${flags} dist/src/main.js serve`,
    ],
  };
  for (const [place, [path, text]] of Object.entries(places)) {
    it(`are in the command line of ${place}`, () => {
      expect(readFileSync(path, "utf8")).to.include(text);
    });
  }

  it("are in the command line of the tests", () => {
    expect(missingV8Flags()).to.deep.equal([]);
  });

  it("are added to those of cluster workers, once", () => {
    expect(addV8Flags(["--import", "x"])).to.deep.equal(["--import", "x", ...v8Flags]);
    expect(addV8Flags([...v8Flags])).to.deep.equal([...v8Flags]);
  });

  it("are set nowhere while the service runs", () => {
    for (const path of ["server/threads/thread-main.ts", "server/components.ts", "main.ts"]) {
      expect(readFileSync(`src/${path}`, "utf8")).to.not.include("setFlagsFromString");
    }
  });
});
