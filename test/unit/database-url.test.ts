import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { readConfig, readDatabaseUrl } from "../../src/config/config.js";
import { problemsOf } from "../support/config.js";

describe("DATABASE_URL", () => {
  let folder: string;
  let authority: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "llmprices-url-"));
    authority = join(folder, "ca.crt");
    writeFileSync(authority, "-----BEGIN CERTIFICATE-----\n");
    writeFileSync(join(folder, "empty.crt"), "");
  });
  after(() => rmSync(folder, { recursive: true }));

  const parse = (rest: string) =>
    readConfig({ DATABASE_URL: `postgres://ann:hush@${rest}` }).database;
  const problemOf = (rest: string) => {
    const [problem = ""] = problemsOf({ DATABASE_URL: `postgres://ann:hush@${rest}` });
    expect(problem).to.not.include("hush");
    return problem;
  };

  it("takes the form of a Unix socket", () => {
    const expected = { host: "/folder", database: "prices", user: "ann", password: "hush" };
    expect(parse("/prices?host=/folder")).to.include(expected);
    expect(parse("%2Ffolder/prices")).to.include(expected);
  });

  it("names a file that cannot be read, or is empty", () => {
    expect(problemOf("db/prices?sslmode=verify-full&sslrootcert=/nope.crt")).to.equal(
      "DATABASE_URL has sslrootcert=/nope.crt, which cannot be read: " +
        "ENOENT: no such file or directory, open '/nope.crt'",
    );
    const empty = join(folder, "empty.crt");
    expect(problemOf(`db/prices?sslrootcert=${empty}`)).to.equal(
      `DATABASE_URL has sslrootcert=${empty}, which is not a PEM file`,
    );
  });

  for (const name of ["target_session_attrs", "channel_binding", "connect_timeout", "pgbouncer"]) {
    it(`rejects ${name}, which would have no effect`, () => {
      expect(problemOf(`db/prices?sslmode=require&${name}=x`)).to.match(
        new RegExp(
          `^DATABASE_URL has the parameter ${name}, which has no effect here; known are user,`,
        ),
      );
    });
  }

  it("rejects several hosts", () => {
    expect(problemOf("one,two/prices")).to.equal("DATABASE_URL has several hosts; expected one");
  });

  it("checks certificates as psql does", () => {
    expect(parse("db/prices")?.ssl).to.equal(undefined);
    expect(parse("db/prices?sslmode=disable")?.ssl).to.equal(false);
    expect(parse("db/prices?ssl=false")?.ssl).to.equal(false);
    expect(parse("db/prices?sslmode=require")?.ssl).to.deep.include({ rejectUnauthorized: false });
    expect(parse("db/prices?sslmode=no-verify")?.ssl).to.deep.include({
      rejectUnauthorized: false,
    });
    expect(parse("db/prices?sslmode=verify-full")?.ssl).to.deep.equal({});
    expect(parse("db/prices?sslmode=verify-full&sslrootcert=system")?.ssl).to.deep.equal({});
    const full = parse(`db/prices?sslmode=verify-full&sslrootcert=${authority}`)?.ssl;
    expect(full).to.deep.equal({ ca: "-----BEGIN CERTIFICATE-----\n" });
    for (const mode of ["require", "verify-ca"]) {
      const ssl = parse(`db/prices?sslmode=${mode}&sslrootcert=${authority}`)?.ssl;
      expect(ssl).to.include.keys("ca", "checkServerIdentity");
      expect(ssl).to.not.include.keys("rejectUnauthorized");
    }
  });

  it("rejects modes that would not do what they say", () => {
    expect(problemOf("db/prices?sslmode=prefer")).to.equal(
      "DATABASE_URL has sslmode=prefer; expected disable, require, verify-ca, verify-full, no-verify",
    );
    expect(problemOf("db/prices?sslmode=verify-ca")).to.match(/without sslrootcert/);
    expect(problemOf("db/prices?sslmode=require&sslrootcert=system")).to.match(
      /needs sslmode=verify-full/,
    );
  });

  it("causes no warning of a library, which would not be JSON", async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error) => warnings.push(warning);
    process.on("warning", listen);
    for (const mode of ["require", "verify-full"])
      readDatabaseUrl({ DATABASE_URL: `postgres://db/prices?sslmode=${mode}` });
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", listen);
    expect(warnings).to.deep.equal([]);
  });
});
