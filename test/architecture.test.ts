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
  server: [
    ...["rpc", "book", "store", "domain", "gen", "tracing"],
    ...["config.ts", "logged-error.ts", "version.ts", "within-limit.ts"],
  ],
  // Behind its types it knows OpenTelemetry, which is loaded only where traces are asked for.
  tracing: ["version.ts", "within-limit.ts"],
  embedded: ["store", "domain"],
  // A client like any other: it knows the contract, and how addresses and values are written.
  cli: ["gen", "domain", "config.ts", "server/address.ts"],
  "config.ts": ["config", "server", "store", "tracing"],
  config: ["server", "store", "tracing"],
  "log.ts": ["logged-error.ts"],
  workers: ["server", "store", "config.ts", "log.ts", "tracing"],
  "serve.ts": ["config.ts", "embedded", "server", "store", "tracing", "workers"],
  "run-server.ts": ["config.ts", "log.ts", "serve.ts"],
  "run-migrations.ts": ["config.ts", "store"],
  "main.ts": ["cli", "run-server.ts", "run-migrations.ts", "version.ts"],
};

const files = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => ({ path, text: readFileSync(join("src", path), "utf8") }));

const imports = files.flatMap(({ path, text }) =>
  [
    ...text.matchAll(/^(?:(?:im|ex)port .*|\} )from "([^"]+)";$/gm),
    ...text.matchAll(/\bimport\("([^"]+)"\)/g),
  ].map(([, target = ""]) => ({ path, target })),
);

const areaOf = (path: string) => path.split("/")[path.startsWith("..") ? 1 : 0] ?? "";

describe("Architecture", () => {
  it("lets imports point inward only", () => {
    const outward = imports
      .filter(({ target }) => target.startsWith("."))
      .map(({ path, target }) => {
        const from = areaOf(path);
        const file = normalize(join(dirname(path), target)).replace(/\.js$/, ".ts");
        return { import: `${path} -> ${target}`, from, to: [areaOf(file), file] };
      })
      .filter(
        ({ from, to }) => !to.some((each) => [from, ...(mayImport[from] ?? [])].includes(each)),
      );
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

  it("loads OpenTelemetry only where traces are asked for", () => {
    const valuesFrom = (path: string): string[] => {
      const { text = "" } = files.find((file) => file.path === path) ?? {};
      const statements = text.matchAll(/^(?:import|export) (?!type )[^;]*? from "([^"]+)";$/gm);
      return [...statements].map(([, target = ""]) => target);
    };
    const loaded = new Set<string>();
    const load = (path: string) => {
      for (const target of valuesFrom(path)) {
        const isOurs = target.startsWith(".");
        const found = isOurs ? normalize(join(dirname(path), target)) : target;
        if (loaded.has(found)) continue;
        loaded.add(found);
        if (isOurs) load(found.replace(/\.js$/, ".ts"));
      }
    };
    for (const path of ["run-server.ts", "workers/worker.ts", "server/bulk/thread.ts"]) load(path);
    expect(loaded).to.include("pg").and.to.include("tracing/load.js");
    expect([...loaded].filter((each) => each.startsWith("@opentelemetry"))).to.deep.equal([]);
    expect(valuesFrom("tracing/start.ts")).to.include("@opentelemetry/api");
  });

  it("starts commands without what only others need", () => {
    const from = (path: string) => files.find((file) => file.path === path)?.text ?? "";
    const loaded = ["main.ts", "cli/commands.ts", "cli/flags.ts", "cli/failure.ts"].flatMap(
      (path) =>
        [...from(path).matchAll(/^(?:import .*|\} )from "([^"]+)";$/gm)].map(
          ([, target]) => target,
        ),
    );
    expect(new Set(loaded)).to.deep.equal(
      new Set(["commander", "./cli/commands.js", "./cli/failure.js", "./flags.js", "./version.js"]),
    );
  });

  it("has no hook of one test file run around the tests of all", () => {
    const tests = readdirSync("test", { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".test.ts"))
      .filter((path) => /^(?:before|after)/m.test(readFileSync(join("test", path), "utf8")));
    expect(tests).to.deep.equal([]);
  });

  it("has no file that is named after nothing", () => {
    const names = files.map(({ path }) => basename(path, ".ts"));
    expect(names).to.not.include.members(["index", "utils", "util", "helpers", "common"]);
  });
});
