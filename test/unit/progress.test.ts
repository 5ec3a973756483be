import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { createProgress } from "../../src/cli/output/progress.js";

/** What is shown on a stream that is a terminal, or is none. */
async function shown(isTTY: boolean, work: (stream: NodeJS.WriteStream) => void): Promise<string> {
  const stream = new PassThrough();
  // The bar asks a terminal for these.
  const terminal = { isTTY, columns: 100, cursorTo: () => true, clearLine: () => true };
  work(Object.assign(stream, terminal) as unknown as NodeJS.WriteStream);
  stream.end();
  return text(stream);
}

const options = { verb: "sent", total: 1000, isQuiet: false };

describe("Progress", () => {
  it("is a bar on a terminal, of the part of the file that has been read", async () => {
    const output = await shown(true, (stream) => {
      const progress = createProgress(options, stream);
      progress.update({ rows: 15_921, part: 500 });
      progress.say("the service is at work");
      progress.stop();
    });
    expect(output).to.include("50% | 15,921 rows sent, the service is at work");
    expect(output).to.match(/█{12}░{12}/);
  });

  it("counts rows on a terminal when nobody knows how many there will be", async () => {
    const output = await shown(true, (stream) => {
      const progress = createProgress({ ...options, total: undefined }, stream);
      progress.update({ rows: 2000 });
      progress.stop();
    });
    expect(output).to.include("2,000 rows sent").and.not.include("%");
  });

  it("is plain lines elsewhere, ever fewer of them", async () => {
    const output = await shown(false, (stream) => {
      const progress = createProgress(options, stream);
      for (let rows = 1000; rows <= 300_000; rows += 1000) progress.update({ rows });
      progress.say("the service is at work");
      progress.stop();
    });
    const tens = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((ten) => `sent ${ten}0,000 rows`);
    expect(output.trimEnd().split("\n")).to.deep.equal([
      ...tens,
      "sent 200,000 rows",
      "sent 300,000 rows",
      "sent 300,000 rows, the service is at work",
    ]);
  });

  it("is nothing when asked to be quiet", async () => {
    const output = await shown(true, (stream) => {
      const progress = createProgress({ ...options, isQuiet: true }, stream);
      progress.update({ rows: 1_000_000 });
      progress.stop();
    });
    expect(output).to.equal("");
  });
});
