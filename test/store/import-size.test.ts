import { expect } from "chai";
import type { Knex } from "knex";
import { DomainError } from "../../src/domain/domain-error.js";
import type { RateCard, RateCardKey } from "../../src/domain/rate-card.js";
import type { ImportRequest } from "../../src/rpc/messages/import/import-request.js";
import { type RowReader, receiveRows } from "../../src/rpc/messages/import/import-row-stream.js";
import { rateCardImportTable } from "../../src/store/import/rate-cards/rate-card-import-table.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";

/** A row that takes so many bytes. */
type SizedRow = { readonly bytes: number };

describe("The rows of an import", () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  const limit = { bytes: 30_000_000, allowed: "about 30 MB" };
  const reader: RowReader<SizedRow, RateCardKey, RateCard> = {
    table: rateCardImportTable,
    parseRow: () => ({
      ...{ key: { provider: "p", model: "m" }, value: null },
      ...{ effectiveFrom: undefined, correctsPast: false },
    }),
    bytesOf: ({ bytes }) => bytes,
    limit,
  };
  const receive = async (sizes: readonly number[]) => {
    let reserved = 0;
    const reserve = (bytes: number) => {
      reserved += bytes;
    };
    async function* messages() {
      for (const bytes of sizes) yield { rows: [{ bytes }] };
    }
    const work = async (transaction: Knex.Transaction) => {
      const args = [transaction, reader, messages(), {} as ImportRequest, 100, reserve] as const;
      const { count } = await receiveRows(...args);
      const { rows } = await transaction.raw("select count(*) as staged from import_rows");
      return { count, staged: Number(rows[0].staged), reserved };
    };
    return database.knex.transaction(work);
  };

  it("reserve memory for those that wait, and not for those that were sent", async () => {
    const sizes = Array.from({ length: 25 }, () => 1_000_000);
    const { count, staged, reserved } = await receive(sizes);
    expect([count, staged]).to.deep.equal([25, 25]);
    expect(reserved).to.be.within(10_000_000, 12_000_000);
  });

  it("are rejected as soon as all together are larger than allowed", async () => {
    const error = await receive([29_000_000, 1_000_000, 1]).catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(DomainError);
    expect((error as DomainError).violations).to.deep.equal([
      { field: "rows", description: "is too large at row 2; allowed: about 30 MB" },
    ]);
  });
});
