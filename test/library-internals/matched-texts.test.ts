import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect, createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { ConnectError } from "@connectrpc/connect";
import { universalRequestFromNodeRequest } from "@connectrpc/connect-node";
import { expect } from "chai";
import pg from "pg";
import {
  isStreamReset,
  pgConnectionLost,
  pgConnectTimeout,
} from "../../src/library-internals/matched-texts.js";
import { createTestDatabase } from "../support/postgres.js";

describe("The texts of libraries that decide something", () => {
  /** Connects to a server that does as `serve` says, and returns the text of pg's error. */
  const errorOf = async (serve: (socket: Socket) => void): Promise<string> => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket.on("error", () => {}));
      serve(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const client = new pg.Client({ host: "127.0.0.1", port, connectionTimeoutMillis: 300 });
    client.on("error", () => {});
    const message = await client.connect().then(String, (error: Error) => error.message);
    for (const socket of sockets) socket.destroy();
    server.close();
    return message;
  };

  it("are what pg says of a server that ends the connection", async () => {
    expect(await errorOf((socket) => socket.destroy())).to.match(pgConnectionLost);
  });

  it("are what pg says of a query on a connection that has ended", async () => {
    const database = await createTestDatabase();
    const client = new pg.Client(database.connection as pg.ClientConfig);
    await client.connect();
    client.on("error", () => {});
    const ended = new Promise<void>((resolve) => client.once("end", resolve));
    const { rows } = await client.query("select pg_backend_pid() as pid");
    await database.knex.raw("select pg_terminate_backend(?)", [rows[0].pid]);
    await ended;
    const failure = await client.query("select 1").catch((error: Error) => error);
    expect((failure as Error).message)
      .to.match(/^Client has encountered/)
      .and.to.match(pgConnectionLost);
    await database.drop();
  });

  it("are what pg says of a query on a client that was closed", async () => {
    const database = await createTestDatabase();
    const client = new pg.Client(database.connection as pg.ClientConfig);
    await client.connect();
    await client.end();
    const failure = await client.query("select 1").catch((error: Error) => error);
    expect((failure as Error).message)
      .to.match(/^Client was closed/)
      .and.to.match(pgConnectionLost);
    await database.drop();
  });

  it("are what pg says of a server that does not answer", async () => {
    const message = await errorOf(() => {});
    expect(message).to.equal(pgConnectTimeout).and.to.match(pgConnectionLost);
  });
});

describe("The text of connect-node for a stream that the client resets", () => {
  it("is the same for each code of the reset", async () => {
    const server = createHttp2Server();
    await once(server.listen(0, "127.0.0.1"), "listening");
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    for (const code of [1, 2, 7, 8, 11]) {
      const stream = client.request({ ":method": "POST", ":path": "/" }).on("error", () => {});
      const [request, response] = await once(server, "request");
      const { signal } = universalRequestFromNodeRequest(request, response, undefined, undefined);
      stream.close(code);
      await once(signal, "abort");
      expect(isStreamReset(signal.reason as ConnectError), `code ${code}`).to.equal(true);
    }
    client.destroy();
    server.close();
  });
});

describe("The source of the service", () => {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.startsWith("gen/"))
    .map((path) => ({ path, text: readFileSync(join("src", path), "utf8") }));
  const withText = (pattern: RegExp, allowed: RegExp) =>
    files
      .filter(({ path, text }) => pattern.test(text) && !allowed.test(path))
      .map(({ path }) => path);

  it("reads private fields of libraries in library-internals only", () => {
    const fields =
      /_handle\b|\{[^}]*\bhttp2Servers|(?<!"Server)\.http2Servers|getOwnPropertySymbols|client\.pool|\.listeners\(/;
    expect(withText(fields, /^library-internals\//)).to.deep.equal([]);
  });

  it("decides nothing by the text of an error in the server or the rpc layer", () => {
    const decides =
      /\.(?:test|exec)\((?:\w+\.)*(?:message|rawMessage|details|problem)\b|(?:message|rawMessage|details)\s*\.(?:match|startsWith|includes)\(/;
    expect(withText(decides, /^(?:library-internals|store|cli|embedded-postgres)\//)).to.deep.equal(
      [],
    );
  });
});
