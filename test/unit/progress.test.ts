import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { createProgress } from "../../src/cli/output/progress.js";

/** Returns the output of `run` on a stream that is a terminal or is not. */
async function outputOf(
  isTTY: boolean,
  run: (stream: NodeJS.WriteStream) => void,
): Promise<string> {
  const stream = new PassThrough();
  // The progress bar calls these methods of a terminal.
  const terminal = { isTTY, columns: 100, cursorTo: () => true, clearLine: () => true };
  run(Object.assign(stream, terminal) as unknown as NodeJS.WriteStream);
  stream.end();
  return text(stream);
}

const options = { verb: "sent", total: 1000, isQuiet: false };

describe("Progress", () => {
  it("is a bar on a terminal that shows the part of the file read so far", async () => {
    const output = await outputOf(true, (stream) => {
      const progress = createProgress(options, stream);
      progress.update({ rows: 15_921, part: 500 });
      progress.showStage("the service is at work");
      progress.stop();
    });
    expect(output).to.include("50% | 15,921 rows sent, the service is at work");
    expect(output).to.match(/█{12}░{12}/);
  });

  it("counts rows on a terminal when the total is unknown", async () => {
    const output = await outputOf(true, (stream) => {
      const progress = createProgress({ ...options, total: undefined }, stream);
      progress.update({ rows: 2000 });
      progress.stop();
    });
    expect(output).to.include("2,000 rows sent").and.not.include("%");
  });

  it("is plain lines elsewhere, less often after 100,000 rows", async () => {
    const output = await outputOf(false, (stream) => {
      const progress = createProgress(options, stream);
      for (let rows = 1000; rows <= 300_000; rows += 1000) progress.update({ rows });
      progress.showStage("the service is at work");
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

  it("shows nothing with isQuiet", async () => {
    const output = await outputOf(true, (stream) => {
      const progress = createProgress({ ...options, isQuiet: true }, stream);
      progress.update({ rows: 1_000_000 });
      progress.stop();
    });
    expect(output).to.equal("");
  });
});
