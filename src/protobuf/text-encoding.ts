import { configureTextEncoding, getTextEncoding } from "@bufbuild/protobuf/wire";

/**
 * Makes protobuf-es keep a U+FEFF at the start of a text, in the whole thread. Up to 2.16 its default
 * drops it: two different account ids would become one.
 */
export function keepByteOrderMarks(): void {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const strictDecoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  configureTextEncoding({
    ...getTextEncoding(),
    decodeUtf8: (bytes, strict) => (strict ? strictDecoder : decoder).decode(bytes),
  });
}

/**
 * Makes protobuf-es encode strings with Node's Buffer, in the whole thread. Its default, TextEncoder,
 * allocates separately for each string, which is slower for small messages. In large messages
 * Buffers live long enough to be slower. Both encode a lone surrogate as U+FFFD.
 */
export function encodeTextWithBuffers(): void {
  configureTextEncoding({ ...getTextEncoding(), encodeUtf8: (text) => Buffer.from(text) });
}
