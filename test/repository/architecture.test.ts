import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { expect } from "chai";

/**
 * The layers of src, from the top. A file imports from layers below its own and from its own folder or
 * file, but not from its siblings in the same layer.
 */
const layers: readonly (readonly string[])[] = [
  ["main.ts"],
  ["cli/run-command-line.ts"],
  ["cli/register-commands.ts"],
  ["cli/file-commands.ts", "cli/price-commands.ts", "cli/rate-commands.ts"],
  ["cli/commands"],
  ["cli/client"],
  ["cli/rows"],
  ["cli/files"],
  ["cli/rates"],
  ["cli/output"],
  ["cli/exit-codes.ts", "cli/flags.ts"],
  ["app"],
  ["cluster"],
  ["server/server.ts"],
  ["server/listeners.ts"],
  ["server/components.ts"],
  ["server/ops", "server/grpc", "server/http"],
  ["server/listener.ts"],
  ["server/threads"],
  ["server/pipeline"],
  ["server/auth", "server/connect", "server/connections"],
  ["server/calls", "server/tls", "server/runtime-tuning"],
  ["rpc/handlers"],
  ["rpc/messages", "rpc/errors", "rpc/call"],
  ["price-book", "config"],
  ["store", "tracing"],
  [
    ...["async", "domain", "embedded-postgres", "gen", "library-internals", "logging", "protobuf"],
    "version.ts",
  ],
];
const maxFilesInFolder = 19;

const files = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => ({ path, text: readFileSync(join("src", path), "utf8") }));

const imports = files.flatMap(({ path, text }) =>
  [
    ...text.matchAll(/^(?:(?:im|ex)port .*|\} )from "([^"]+)";$/gm),
    ...text.matchAll(/\bimport\("([^"]+)"\)/g),
  ].map(([, target = ""]) => ({ path, target })),
);

const internalImports = imports
  .filter(({ target }) => target.startsWith("."))
  .map(({ path, target }) => ({
    path,
    imported: normalize(join(dirname(path), target)).replace(/\.js$/, ".ts"),
  }));

/** The folder or file of `layers` that a path belongs to, and how far from the top its layer is. */
function layerOf(path: string): { readonly depth: number; readonly member: string } {
  for (const [depth, members] of layers.entries()) {
    const member = members.find((each) => path === each || path.startsWith(`${each}/`));
    if (member !== undefined) return { depth, member };
  }
  throw new Error(`src/${path} belongs to no layer; add it to layers in this test`);
}

/** Returns the first import cycle as a list of paths, or undefined. */
function findCycle(): readonly string[] | undefined {
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): readonly string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (finished.has(path)) return undefined;
    for (const { imported } of internalImports.filter((each) => each.path === path)) {
      const cycle = visit(imported, [...trail, path]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(path);
    return undefined;
  };
  for (const { path } of files) {
    const cycle = visit(path, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

describe("Architecture", () => {
  it("imports from lower layers only, and never from a sibling", () => {
    const violations = internalImports
      .filter(({ imported }) => !imported.startsWith("../migrations/"))
      .filter(({ path, imported }) => {
        const [from, to] = [layerOf(path), layerOf(imported)];
        return from.member !== to.member && from.depth >= to.depth;
      });
    expect(violations).to.deep.equal([]);
  });

  it("has no import cycle", () => {
    expect(findCycle()).to.equal(undefined);
  });

  it("imports migrations in one file only", () => {
    const importers = internalImports.filter(({ imported }) => imported.startsWith("../"));
    expect(new Set(importers.map(({ path }) => path))).to.deep.equal(
      new Set(["store/schema/migration-list.ts"]),
    );
  });

  it("imports the contract but no server code in commands that call a service", () => {
    const serverCommands = new Set(["cli/commands/serve.ts", "cli/commands/migrate.ts"]);
    const allowed =
      /^(?:cli|gen|domain|protobuf)\/|^config\/(?:address|config|environment|named-file)\.ts$|^async\/|^version\.ts$/;
    const violations = internalImports.filter(
      ({ path, imported }) =>
        path.startsWith("cli/") &&
        !serverCommands.has(path) &&
        !serverCommands.has(imported) &&
        !allowed.test(imported),
    );
    expect(violations).to.deep.equal([]);
  });

  it(`has at most ${maxFilesInFolder} files in a folder`, () => {
    const counts = new Map<string, number>();
    for (const { path } of files) {
      const folder = dirname(path);
      counts.set(folder, (counts.get(folder) ?? 0) + 1);
    }
    const tooLarge = [...counts].filter(([, count]) => count > maxFilesInFolder);
    expect(tooLarge).to.deep.equal([]);
  });

  it("has no duplicate file name", () => {
    const names = files.map(({ path }) => basename(path));
    expect(names.filter((name, index) => names.indexOf(name) !== index)).to.deep.equal([]);
  });

  it("imports no package except decimal.js and a reader of JSON in the domain", () => {
    const packages = imports
      .filter(({ path, target }) => path.startsWith("domain/") && !target.startsWith("."))
      .map(({ target }) => target);
    expect(new Set(packages)).to.deep.equal(new Set(["decimal.js", "jsonc-parser"]));
  });

  it("reads the environment in config/config.ts only", () => {
    const readers = files.filter(({ text }) => text.includes("process.env"));
    expect(readers.map(({ path }) => path)).to.deep.equal(["config/config.ts"]);
  });

  it("loads OpenTelemetry only when traces are enabled", () => {
    const valuesFrom = (path: string): string[] => {
      const { text = "" } = files.find((file) => file.path === path) ?? {};
      const statements = text.matchAll(/^(?:import|export) (?!type )[^;]*? from "([^"]+)";$/gm);
      return [...statements].map(([, target = ""]) => target);
    };
    const loaded = new Set<string>();
    const load = (path: string) => {
      for (const target of valuesFrom(path)) {
        const isInternal = target.startsWith(".");
        const name = isInternal ? normalize(join(dirname(path), target)) : target;
        if (loaded.has(name)) continue;
        loaded.add(name);
        if (isInternal) load(name.replace(/\.js$/, ".ts"));
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

  it("starts a command without the modules that only other commands need", () => {
    const textOf = (path: string) => files.find((file) => file.path === path)?.text ?? "";
    const loaded = [
      "main.ts",
      "cli/run-command-line.ts",
      "cli/register-commands.ts",
      "cli/file-commands.ts",
      "cli/price-commands.ts",
      "cli/rate-commands.ts",
      "cli/flags.ts",
      "cli/exit-codes.ts",
    ].flatMap((path) =>
      [...textOf(path).matchAll(/^(?:import .*|\} )from "([^"]+)";$/gm)].map(
        ([, target]) => target,
      ),
    );
    expect(new Set(loaded)).to.deep.equal(
      new Set([
        ...["commander", "./cli/run-command-line.js", "./register-commands.js", "./exit-codes.js"],
        ...["./flags.js", "./file-commands.js", "./price-commands.js", "./rate-commands.js"],
        ...["../domain/usage/usage.js", "./rates/rate-sources.js", "../version.js"],
      ]),
    );
  });

  it("has no hooks at the top level of a test file, which would run for all files", () => {
    const tests = readdirSync("test", { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".test.ts"))
      .filter((path) => /^(?:before|after)/m.test(readFileSync(join("test", path), "utf8")));
    expect(tests).to.deep.equal([]);
  });

  it("has no file with a meaningless name", () => {
    const names = files.map(({ path }) => basename(path, ".ts"));
    expect(names).to.not.include.members(["index", "utils", "util", "helpers", "common"]);
  });
});
