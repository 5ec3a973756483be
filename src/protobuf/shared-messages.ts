import type { Message } from "@bufbuild/protobuf";
import { copyLast, writeBytes, writeNested } from "./wire-writer.js";

/**
 * Marks a message that thousands of lines of a batch have. Nobody may change it any more: it is encoded
 * once. Returns the message.
 */
export function shareMessage<M extends Message>(message: M): M {
  sharedBytes.set(message, undefined);
  return message;
}

/** Writes the length of a message and what `write` writes for it, or its bytes if they are known. */
export function writeMessage<T extends object>(message: T, write: (message: T) => void): void {
  const known = sharedBytes.get(message);
  if (known !== undefined) {
    writeBytes(known);
    return;
  }
  const length = writeNested(message, write);
  if (sharedBytes.has(message)) sharedBytes.set(message, copyLast(length));
}

/** The bytes of shared messages that have been encoded. */
const sharedBytes = new WeakMap<object, Buffer | undefined>();
