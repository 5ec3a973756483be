import { configureTextEncoding, getTextEncoding } from "@bufbuild/protobuf/wire";

/**
 * Has protobuf-es encode strings with Node's buffers, in the whole thread. Its default, TextEncoder,
 * makes an allocation of its own for each, which takes longer where messages are small; in large ones
 * the buffers live long enough to cost more. To both a lone surrogate is U+FFFD.
 */
export function encodeTextWithBuffers(): void {
  configureTextEncoding({ ...getTextEncoding(), encodeUtf8: (text) => Buffer.from(text) });
}
