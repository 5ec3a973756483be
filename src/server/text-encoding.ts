import { configureTextEncoding, getTextEncoding } from "@bufbuild/protobuf/wire";

/**
 * Has protobuf-es encode strings with Node's buffers, in the whole thread. Its default, TextEncoder,
 * makes an allocation of its own for each: it takes longer, and leaves more to collect. To both a
 * lone surrogate is U+FFFD.
 */
export function encodeTextWithBuffers(): void {
  configureTextEncoding({ ...getTextEncoding(), encodeUtf8: (text) => Buffer.from(text) });
}
