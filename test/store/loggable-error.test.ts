import { expect } from "chai";
import { DomainError } from "../../src/domain/domain-error.js";
import { toLoggedError } from "../../src/logging/loggable-error.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";

describe("An error in the log", () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  const databaseErrorOf = (work: PromiseLike<unknown>) =>
    work.then(
      () => Promise.reject(new Error("expected an error")),
      (error: unknown) => error,
    );

  it("has the database's message, SQLSTATE, table and constraint, and no other field of the database", async () => {
    const error = await databaseErrorOf(
      database.knex("models").insert({ provider: "hush", name: "x" }),
    );
    expect(JSON.stringify(error)).to.contain("hush");
    const { stack, ...logged } = toLoggedError(error);
    expect(logged).to.deep.equal({
      type: "error",
      message:
        'insert or update on table "models" violates foreign key constraint "models_provider_fkey"',
      code: "23503",
      table: "models",
      constraint: "models_provider_fkey",
    });
    expect(stack)
      .to.match(/^ {4}at /)
      .and.to.not.contain("insert into");
  });

  it("has no SQL, neither in its cause nor in a copy from another thread", async () => {
    const cause = await databaseErrorOf(database.knex.raw("select 'hush' from nowhere"));
    const error = new DomainError("INTERNAL", "internal error", { cause });
    for (const each of [error, structuredClone(error)]) {
      const text = JSON.stringify(toLoggedError(each));
      expect(text).to.contain('relation \\"nowhere\\" does not exist');
      expect(text).to.not.contain("hush");
    }
  });

  it("keeps the message and code of errors that are not from the database", () => {
    const logged = toLoggedError(
      Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }),
    );
    expect(logged).to.include({ type: "Error", message: "read ECONNRESET", code: "ECONNRESET" });
    expect(toLoggedError("hush")).to.deep.equal({ type: "string", message: "not an error" });
  });
});
