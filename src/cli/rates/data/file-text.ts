import { gunzipSync } from "node:zlib";
import { type DomainError, invalidField } from "../../../domain/domain-error.js";

/**
 * Reads the bytes of a price file as text. They may be compressed by gzip.
 *
 * @throws DomainError INVALID_FIELD
 */
export function readFileText(bytes: Uint8Array): string {
  if (bytes.length === 0) throw invalidFile("is empty");
  if (startsWith(bytes, [0x50, 0x4b])) {
    throw invalidFile("is a ZIP archive, as wheels are; expected the file of prices that is in it");
  }
  const content = startsWith(bytes, [0x1f, 0x8b]) ? gunzip(bytes) : bytes;
  if (content.length > maxBytes) throw invalidFile(tooLarge);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    throw invalidFile("is no text in UTF-8");
  }
}

/** Creates the error of a file that is no price file of its source. */
export function invalidFile(problem: string): DomainError {
  return invalidField("file", problem);
}

/**
 * Far above the largest file, which has 4 MB. Protects against a small file that expands without
 * end.
 */
const maxBytes = 256 * 1024 * 1024;

const tooLarge = `has more than ${maxBytes} bytes`;

function startsWith(bytes: Uint8Array, prefix: readonly number[]): boolean {
  return prefix.every((byte, i) => bytes[i] === byte);
}

function gunzip(bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw invalidFile(code === "ERR_BUFFER_TOO_LARGE" ? tooLarge : `is no gzip: ${message}`);
  }
}
