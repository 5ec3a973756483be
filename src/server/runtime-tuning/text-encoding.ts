import { configureTextEncoding, getTextEncoding } from "@bufbuild/protobuf/wire";

/**
 * Makes protobuf-es encode strings with Node's Buffer, in the whole thread. Its default, TextEncoder,
 * allocates separately for each string, which is slower for small messages. In large messages
 * Buffers live long enough to be slower. Both encode a lone surrogate as U+FFFD.
 */
export function encodeTextWithBuffers(): void {
  configureTextEncoding({ ...getTextEncoding(), encodeUtf8: (text) => Buffer.from(text) });
}
