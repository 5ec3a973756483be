import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { expect } from "chai";

/** Which folders of src the files of a folder may import from, besides their own. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  gen: [],
  store: ["domain", "migrations"],
  book: ["store", "domain"],
  rpc: ["book", "store", "domain", "gen"],
  server: ["rpc", "book", "store", "domain", "gen", "config.ts"],
  embedded: ["store", "domain"],
  workers: ["server", "store", "config.ts", "log.ts"],
  "config.ts": ["server", "store"],
  "log.ts": [],
  "serve.ts": ["config.ts", "embedded", "server", "store", "workers"],
  "main.ts": ["config.ts", "log.ts", "serve.ts", "store"],
};

const files = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => ({ path, text: readFileSync(join("src", path), "utf8") }));

const imports = files.flatMap(({ path, text }) =>
  [...text.matchAll(/^(?:(?:im|ex)port .*|\} )from "([^"]+)";$/gm)].map(([, target = ""]) => ({
    path,
    target,
  })),
);

const areaOf = (path: string) => path.split("/")[path.startsWith("..") ? 1 : 0] ?? "";

describe("Architecture", () => {
  it("lets imports point inward only", () => {
    const outward = imports
      .filter(({ target }) => target.startsWith("."))
      .map(({ path, target }) => {
        const from = areaOf(path);
        const to = areaOf(normalize(join(dirname(path), target)).replace(/\.js$/, ".ts"));
        return { import: `${path} -> ${target}`, from, to };
      })
      .filter(({ from, to }) => from !== to && !mayImport[from]?.includes(to));
    expect(outward).to.deep.equal([]);
  });

  it("lets the domain know decimal.js only", () => {
    const packages = imports
      .filter(({ path, target }) => path.startsWith("domain/") && !target.startsWith("."))
      .map(({ target }) => target);
    expect(new Set(packages)).to.deep.equal(new Set(["decimal.js"]));
  });

  it("reads the environment in config.ts only", () => {
    const readers = files.filter(({ text }) => text.includes("process.env"));
    expect(readers.map(({ path }) => path)).to.deep.equal(["config.ts"]);
  });

  it("has no file that is named after nothing", () => {
    const names = files.map(({ path }) => basename(path, ".ts"));
    expect(names).to.not.include.members(["index", "utils", "util", "helpers", "common"]);
  });
});
