import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { llmprices } from "../support/command.js";
import { createTestDatabase, createTestFolder, type TestDatabase } from "../support/postgres.js";

describe("A database on a Unix socket", () => {
  let database: TestDatabase;
  let folder: string;
  let socket: Server;

  before(async () => {
    database = await createTestDatabase();
    folder = createTestFolder();
    const { host, port } = database.connection;
    socket = createServer((client) => {
      const upstream = connect(Number(port), host);
      client.pipe(upstream).pipe(client);
      for (const each of [client, upstream]) each.on("error", () => {});
    });
    socket.listen(join(folder, ".s.PGSQL.5432"));
    await once(socket, "listening");
  });
  after(async () => {
    socket.close();
    rmSync(folder, { recursive: true });
    await database.drop();
  });

  const migrate = (at: string) => {
    const { user, password, database: name } = database.connection;
    const url = `postgres://${user}:${password}@/${name}?host=${at}`;
    return llmprices(["migrate", "status"], { env: { DATABASE_URL: url } });
  };

  it("is reached by its folder", async () => {
    const { code, output } = await migrate(folder);
    expect(output).to.match(/^applied /);
    expect(code).to.equal(0);
  });

  it("is named when nobody listens on it", async () => {
    const { code, errors } = await migrate("/nowhere");
    expect(errors).to.match(
      /^llmprices: the database at \/nowhere\/\.s\.PGSQL\.5432 cannot be reached/,
    );
    expect(code).to.equal(1);
  });
});
