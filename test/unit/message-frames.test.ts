import { expect } from "chai";
import { toFrame } from "../../src/server/connect/error-response.js";
import {
  createFrameReader,
  createWholeReader,
  type ReadMessages,
} from "../../src/server/threads/message-frames.js";

const messages = ["first", "", "a longer third message", "fourth"];
const body = Buffer.concat(messages.map((text, i) => toFrame(i % 2, Buffer.from(text))));

/** Reads `bytes` in chunks of `size`. Returns the messages, and whether each is compressed. */
function readIn(read: ReadMessages, bytes: Uint8Array, size: number) {
  const found: { text: string; isCompressed: boolean; isLast: boolean }[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    for (const part of read(bytes.subarray(at, at + size))) {
      const previous = found.at(-1);
      const text = Buffer.from(part.bytes).toString();
      if (previous === undefined || previous.isLast) found.push({ ...part, text });
      else Object.assign(previous, { text: previous.text + text, isLast: part.isLast });
    }
  }
  return found.map(({ text, isCompressed, isLast }) => ({ text, isCompressed, isLast }));
}

describe("The frames of a body", () => {
  for (const size of [1, 2, 5, 7, 1000]) {
    it(`are read as messages in chunks of ${size} bytes`, () => {
      expect(readIn(createFrameReader(), body, size)).to.deep.equal(
        messages.map((text, i) => ({ text, isCompressed: i % 2 === 1, isLast: true })),
      );
    });
  }

  it("can be incomplete", () => {
    expect(readIn(createFrameReader(), body.subarray(0, 8), 3)).to.deep.equal([
      { text: "fir", isCompressed: false, isLast: false },
    ]);
  });

  it("are absent in a body that is one message", () => {
    expect(createWholeReader(true)(body)).to.deep.equal([
      { bytes: body, isCompressed: true, isLast: false },
    ]);
  });
});
