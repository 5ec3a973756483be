import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { expect } from "chai";

/** Which folders of src the files of a folder may import from, besides their own. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  gen: [],
  store: ["domain", "migrations"],
  "price-book": ["store", "domain"],
  rpc: ["price-book", "store", "domain", "gen"],
  server: [
    ...["rpc", "price-book", "store", "domain", "gen", "tracing", "config", "logging"],
    ...["version.ts", "with-timeout.ts"],
  ],
  // Behind its types it knows OpenTelemetry, which is loaded only where traces are asked for.
  tracing: ["version.ts", "with-timeout.ts"],
  "embedded-postgres": ["store", "domain"],
  cli: ["gen", "domain", "config", "app", "logging", "store"],
  config: ["server", "store", "tracing", "domain"],
  logging: [],
  cluster: ["server", "store", "config", "logging", "tracing"],
  app: ["config", "domain", "embedded-postgres", "server", "store", "tracing", "cluster"],
  "main.ts": ["cli", "version.ts"],
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

  it("reads the environment in config/config.ts only", () => {
    const readers = files.filter(({ text }) => text.includes("process.env"));
    expect(readers.map(({ path }) => path)).to.deep.equal(["config/config.ts"]);
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
    for (const path of [
      "cli/commands/serve.ts",
      "cluster/worker.ts",
      "server/threads/thread-main.ts",
    ])
      load(path);
    expect(loaded).to.include("pg").and.to.include("tracing/load-tracing.js");
    expect([...loaded].filter((each) => each.startsWith("@opentelemetry"))).to.deep.equal([]);
    expect(valuesFrom("tracing/tracer-provider.ts")).to.include("@opentelemetry/api");
  });

  it("starts commands without what only others need", () => {
    const from = (path: string) => files.find((file) => file.path === path)?.text ?? "";
    const loaded = [
      "main.ts",
      "cli/register-commands.ts",
      "cli/flags.ts",
      "cli/exit-codes.ts",
    ].flatMap((path) =>
      [...from(path).matchAll(/^(?:import .*|\} )from "([^"]+)";$/gm)].map(([, target]) => target),
    );
    expect(new Set(loaded)).to.deep.equal(
      new Set([
        ...["commander", "./cli/register-commands.js", "./cli/exit-codes.js", "./flags.js"],
        "./version.js",
      ]),
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
