import { chownSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import pg from "pg";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "../../src/embedded-postgres/embedded-postgres.js";
import { ensureOsUser } from "../../src/embedded-postgres/os-user.js";
import { parseDatabaseUrl } from "../../src/store/connection/connection-url.js";
import { createDatabase } from "../../src/store/connection/pool.js";
import { toClientOptions } from "../../src/store/connection/session.js";
import { createCertificate } from "../support/certificates.js";
import { createTestFolder } from "../support/postgres.js";

describe("A database with a certificate for 127.0.0.1 of an authority of its own", function () {
  this.timeout(60_000);
  let folder: string;
  let authority: string;
  let postgres: EmbeddedPostgres;

  before(async () => {
    folder = createTestFolder();
    const { cert, key } = createCertificate();
    authority = join(folder, "server.crt");
    const keyFile = join(folder, "server.key");
    writeFileSync(authority, cert);
    writeFileSync(keyFile, key, { mode: 0o600 });
    const user = await ensureOsUser(() => {});
    if (user !== undefined) chownSync(keyFile, user.uid, user.gid);
    postgres = await startEmbeddedPostgres({
      dataDir: join(folder, "data"),
      settings: {
        ...{ fsync: "off", ssl: "on", ssl_cert_file: authority, ssl_key_file: keyFile },
        listen_addresses: "127.0.0.1,127.0.0.2",
      },
      log: () => {},
    });
  });
  after(async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true });
  });

  /** Connects with a URL. Returns whether the connection is encrypted, or the error's code. */
  const connect = async (host: string, query: string) => {
    const { port, user, password, database } = postgres.connection;
    const url = `postgres://${user}:${password}@${host}:${port}/${database}${query}`;
    const knex = createDatabase({
      ...{ connection: parseDatabaseUrl(url), poolSize: 1, acquireTimeoutMs: 10_000 },
    });
    try {
      const { rows } = await knex.raw("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
      return rows[0].ssl ? "encrypted" : "plain text";
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    } finally {
      await knex.destroy();
    }
  };

  it("is used in plain text without sslmode and with disable, encrypted with require", async () => {
    expect(await connect("127.0.0.1", "")).to.equal("plain text");
    expect(await connect("127.0.0.1", "?sslmode=disable")).to.equal("plain text");
    expect(await connect("127.0.0.2", "?sslmode=require")).to.equal("encrypted");
    expect(await connect("127.0.0.2", "?sslmode=no-verify")).to.equal("encrypted");
  });

  it("is trusted by verify-full with its authority and its name only", async () => {
    const trusted = `?sslmode=verify-full&sslrootcert=${authority}`;
    expect(await connect("127.0.0.1", trusted)).to.equal("encrypted");
    expect(await connect("127.0.0.2", trusted)).to.equal("ERR_TLS_CERT_ALTNAME_INVALID");
    for (const query of ["?sslmode=verify-full", "?sslmode=verify-full&sslrootcert=system"])
      expect(await connect("127.0.0.1", query)).to.equal("DEPTH_ZERO_SELF_SIGNED_CERT");
  });

  for (const mode of ["verify-ca", "require"]) {
    it(`is trusted by ${mode} with its authority, under any name`, async () => {
      const other = join(folder, "other.crt");
      writeFileSync(other, createCertificate().cert);
      const query = `?sslmode=${mode}&sslrootcert=`;
      expect(await connect("127.0.0.2", query + authority)).to.equal("encrypted");
      expect(await connect("127.0.0.2", query + other)).to.equal("DEPTH_ZERO_SELF_SIGNED_CERT");
    });
  }
});

describe("The key of a client's certificate", () => {
  it("can still be sent to a thread after a client of pg has got it", () => {
    const connection = { host: "db", ssl: { cert: "cert", key: "key" } };
    new pg.Client(toClientOptions(connection, "test", 1000) as pg.ClientConfig);
    expect(structuredClone(connection.ssl)).to.deep.equal({ cert: "cert", key: "key" });
    new pg.Client(connection as pg.ClientConfig);
    expect(structuredClone(connection.ssl)).to.deep.equal({ cert: "cert" });
  });
});
