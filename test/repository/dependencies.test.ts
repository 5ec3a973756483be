import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { expect } from "chai";
import ts from "typescript";

/** A package's entry in the lock file. */
type Locked = {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly deprecated?: string;
  readonly hasInstallScript?: true;
  readonly link?: true;
  readonly dev?: true;
  readonly optional?: true;
  readonly devOptional?: true;
};

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const declared = JSON.parse(read("package.json"));
const { packages } = JSON.parse(read("package-lock.json"));
const locked = Object.entries<Locked>(packages).filter(([path]) => path !== "");
const inProduction = locked.filter(([, each]) => !each.dev && !each.optional && !each.devOptional);
const nameOf = (path: string) => path.split("node_modules/").at(-1) ?? "";
const named = (entries: readonly (readonly [string, Locked])[]) =>
  entries.map(([path, { version }]) => `${nameOf(path)}@${version}`);

describe("Dependencies", () => {
  for (const kind of ["dependencies", "devDependencies", "optionalDependencies"]) {
    it(`have exact versions: ${kind}`, () => {
      for (const [name, version] of Object.entries(declared[kind])) {
        expect(version, name).to.match(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
      }
    });
  }

  it("are locked by the hash of their content, and to no registry", () => {
    for (const [path, { integrity, resolved, link }] of locked) {
      expect(integrity, path).to.match(/^sha512-[\w+/]{86}==$/);
      expect({ resolved, link }, path).to.deep.equal({ resolved: undefined, link: undefined });
    }
  });

  it("are not deprecated", () => {
    expect(named(locked.filter(([, { deprecated }]) => deprecated !== undefined))).to.deep.equal(
      [],
    );
  });

  it("run no install script in production", () => {
    const scripted = inProduction.filter(([, { hasInstallScript }]) => hasInstallScript);
    for (const [path] of scripted)
      expect(declared.allowScripts[nameOf(path)], path).to.equal(false);
  });

  it("run only install scripts in development that allowScripts lists", () => {
    const scripted = locked.filter(
      ([, { hasInstallScript, optional }]) => hasInstallScript && !optional,
    );
    expect(Object.keys(declared.allowScripts)).to.include.members(
      scripted.map(([path]) => nameOf(path)),
    );
  });

  it("have licenses that require attribution only", () => {
    const others = locked.filter(([, { license }]) => !permissive.has(license ?? ""));
    expect(named(others)).to.deep.equal([]);
  });

  const single = [
    "@bufbuild/protobuf",
    "@connectrpc/connect",
    "@grpc/grpc-js",
    "knex",
    "pg",
    "pino",
  ];
  for (const name of [...single, "decimal.js"]) {
    it(`are installed in a single version: ${name}`, () => {
      expect(locked.filter(([path]) => nameOf(path) === name)).to.have.length(1);
    });
  }

  it("are declared as production dependencies when src imports them", () => {
    const folder = new URL("../../src/", import.meta.url);
    const files = readdirSync(folder, { recursive: true }).map(String);
    const imported = new Set<string>();
    for (const file of files.filter((path) => path.endsWith(".ts"))) {
      for (const { fileName } of ts.preProcessFile(read(`src/${file}`)).importedFiles) {
        if (fileName.startsWith(".")) continue;
        const [scope, name] = fileName.split("/");
        imported.add(scope?.startsWith("@") ? `${scope}/${name}` : String(scope));
      }
    }
    const others = [...imported].filter(
      (name) => !name.startsWith("node:") && !builtinModules.includes(name),
    );
    expect(others).to.include("pg");
    expect(Object.keys(declared.dependencies)).to.include.members(others);
  });
});

const permissive: ReadonlySet<string> = new Set([
  ...["MIT", "MIT/X11", "ISC", "0BSD", "BSD-3-Clause", "Apache-2.0", "BlueOak-1.0.0"],
  ...["PSF-2.0", "MIT OR Apache-2.0", "(Apache-2.0 AND BSD-3-Clause)"],
  // A choice of two licenses: we use the first.
  "(BSD-3-Clause OR GPL-2.0)",
]);
