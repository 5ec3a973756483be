import type { DomainError, Suggestions, Violation } from "../../domain/domain-error.js";

/** What a client sees of an error. */
export type ErrorContent = Pick<
  DomainError,
  "reason" | "message" | "metadata" | "violations" | "suggestions"
>;

/**
 * Returns an error that every client can receive. gRPC sends an error in trailers, and many clients take
 * 8 KiB of them: a longer error reaches them as RESOURCE_EXHAUSTED, without a word of it. Proxies may
 * take less. So this is the one place that shortens errors, to `maxErrorBytes` on the wire. It keeps the
 * beginning of the message and of long values, and as many violations and names as fit.
 * `omitted_violations` in the metadata counts the others.
 */
export function fitTrailers(error: ErrorContent): ErrorContent {
  if (wireBytesOf(error) <= maxErrorBytes) return error;
  const { reason, violations, suggestions } = error;
  const message = cut(error.message, maxMessageBytes, messageBytes);
  const entries = Object.entries(error.metadata).map(
    ([name, value]) => [name, cut(value, maxValueBytes)] as const,
  );
  let left = maxErrorBytes - fixedBytes - messageBytes(message);
  /** Returns the first of the parts that fit into what is left. */
  const take = <T>(parts: readonly T[], bytesOf: (part: T) => number): T[] => {
    const taken: T[] = [];
    for (const part of parts) {
      const bytes = toBase64(bytesOf(part));
      if (bytes > left) break;
      left -= bytes;
      taken.push(part);
    }
    return taken;
  };
  // Names like nearest_1 and key_20 are hints. The others say what the error is about.
  const facts = take(
    entries.filter(([name]) => !isNumbered(name)),
    entryBytes,
  );
  const shown = take(
    violations.map(({ field, description }) => ({
      field: cut(field, maxValueBytes),
      description: cut(description, maxValueBytes),
    })),
    violationBytes,
  );
  const hints = take(
    entries.filter(([name]) => isNumbered(name)),
    entryBytes,
  );
  const nearest = take(suggestions.nearest ?? [], keyBytes);
  const candidates = take(suggestions.candidates ?? [], keyBytes);
  const omitted = violations.length - shown.length;
  return {
    reason,
    message,
    metadata: Object.fromEntries([
      ...facts,
      ...hints,
      ...(omitted === 0 ? [] : [["omitted_violations", String(omitted)]]),
    ]),
    violations: shown,
    suggestions: { nearest, candidates },
  };
}

/** Returns at least the bytes that an error takes in trailers: percent-encoded, and in base64. */
function wireBytesOf({ message, metadata, violations, suggestions }: ErrorContent): number {
  const details =
    sum(Object.entries(metadata), entryBytes) +
    sum(violations, violationBytes) +
    sum(suggestions.nearest ?? [], keyBytes) +
    sum(suggestions.candidates ?? [], keyBytes);
  return fixedBytes + messageBytes(message) + toBase64(details);
}

/** Of a message, which the trailers have twice: percent-encoded, and in the details in base64. */
function messageBytes(message: string): number {
  return encodeURIComponent(Buffer.from(message).toString()).length + toBase64(utf8Bytes(message));
}

function entryBytes([name, value]: readonly [string, string]): number {
  return utf8Bytes(name) + utf8Bytes(value) + fieldBytes;
}

function violationBytes({ field, description }: Violation): number {
  return utf8Bytes(field) + utf8Bytes(description) + fieldBytes;
}

function keyBytes(key: NonNullable<Suggestions["nearest"]>[number]): number {
  return sum(Object.values(key), utf8Bytes) + fieldBytes;
}

/** Cuts a text so that it takes at most `maxBytes`. */
function cut(text: string, maxBytes: number, bytesOf = utf8Bytes): string {
  if (bytesOf(text) <= maxBytes) return text;
  const characters = [...text.slice(0, maxBytes)];
  const start = (length: number) => `${characters.slice(0, length).join("")}...`;
  let length = 0;
  let tooLong = characters.length + 1;
  while (tooLong - length > 1) {
    const middle = (length + tooLong) >> 1;
    if (bytesOf(start(middle)) <= maxBytes) length = middle;
    else tooLong = middle;
  }
  return start(length);
}

function utf8Bytes(text: string): number {
  return Buffer.byteLength(text);
}

function toBase64(bytes: number): number {
  return Math.ceil((bytes * 4) / 3);
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, value) => total + of(value), 0);
}

function isNumbered(name: string): boolean {
  return /_\d+$/.test(name);
}

/** With the response's other headers and trailers it stays below 6 KiB. */
const maxErrorBytes = 5400;
/** The violations and the metadata say the same in a better form. */
const maxMessageBytes = 1200;
const maxValueBytes = 300;
/** Around the fields of one entry of a detail. */
const fieldBytes = 16;
/** Of the details' own types, the reason, the domain, RetryInfo and the names of the trailers. */
const fixedBytes = 600;
