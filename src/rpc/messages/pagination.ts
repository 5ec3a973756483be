import { createHash } from "node:crypto";
import { type DomainError, invalidField, quote } from "../../domain/domain-error.js";
import type { Instant } from "../../domain/instant.js";
import { firstInstant, lastInstant } from "../../domain/instant.js";

/** Where a page begins: after the last row of the previous page, at the `as_of` of that page. */
export type PagePosition = {
  /** The unique key of that row, one element for each part. */
  readonly after: readonly string[];
  readonly asOf?: Instant;
};

/** Identifies a list: its method and filters. A page token is valid for its own list only. */
export type ListScope = readonly unknown[];

/**
 * Returns how many rows a page may have (AIP-158): `whenUnset` for 0, and at most `maxPageSize`.
 *
 * @throws DomainError INVALID_FIELD when negative.
 */
export function parsePageSize(pageSize: number, { whenUnset }: { whenUnset: number }): number {
  if (pageSize < 0) throw invalidField("page_size", `is ${pageSize}; allowed: 0 or more`);
  return Math.min(pageSize || whenUnset, maxPageSize);
}

/** Creates an opaque token for the page at a position. */
export function toPageToken(scope: ListScope, { after, asOf }: PagePosition): string {
  return Buffer.from(JSON.stringify([digest(scope), after, asOf ?? null])).toString("base64url");
}

/**
 * Parses the position in a token. Returns undefined for the first page. `isFirstPart` checks the first
 * part of the key, the others are names or numbers.
 *
 * @throws DomainError INVALID_FIELD when the token is not of this list.
 */
export function parsePageToken(
  scope: ListScope,
  token: string,
  keyParts: number,
  isFirstPart = isName,
): PagePosition | undefined {
  const decoded = decodePageToken(token, keyParts, isFirstPart);
  if (decoded !== undefined && decoded.scopeDigest !== digest(scope)) throw invalidPageToken(token);
  return decoded?.position;
}

/**
 * Decodes a token of any list. Returns undefined for the first page.
 *
 * @throws DomainError INVALID_FIELD when the token is not of this service.
 */
export function decodePageToken(token: string, keyParts: number, isFirstPart = isName) {
  if (token === "") return undefined;
  const [scopeDigest, after, asOf] = decode(token);
  if (!isKey(after, keyParts, isFirstPart) || !isAsOf(asOf)) throw invalidPageToken(token);
  const position: PagePosition = asOf === null ? { after } : { after, asOf };
  return { scopeDigest, position };
}

/**
 * Parses the token of a list of revisions: the start of the last one, and the version that wrote it.
 *
 * @throws DomainError INVALID_FIELD when the token is not of this service.
 */
export function parseRevisionToken(token: string) {
  const after = decodePageToken(token, 2)?.position.after;
  if (after === undefined) return undefined;
  const [from = "", version = ""] = after;
  const effectiveFrom = Number(from);
  if (String(effectiveFrom) !== from || !isAsOf(effectiveFrom) || !isVersion(version))
    throw invalidPageToken(token);
  return { effectiveFrom, bookVersion: BigInt(version) };
}

/** Returns the version of the price book of a list, the last part of its position. */
export function parsePageVersion({ after }: PagePosition): bigint {
  const version = after.at(-1) ?? "";
  if (!isVersion(version)) throw invalidPageToken(version);
  return BigInt(version);
}

/**
 * Cuts `rows`, of which there is one more than a page when there is a next page, to the page.
 * `textOf` returns the long text of a row, if rows have one.
 */
export function toPage<R>(
  rows: readonly R[],
  pageSize: number,
  tokenAfter: (last: R) => string,
  textOf?: (row: R) => string,
): { page: readonly R[]; nextPageToken: string } {
  const { page, hasMore } = cutPage(rows, pageSize, textOf);
  const last = page.at(-1);
  return { page, nextPageToken: hasMore && last !== undefined ? tokenAfter(last) : "" };
}

/** Cuts `rows` to a page: at most `pageSize`, and less if their texts would make it too large. */
export function cutPage<R>(
  rows: readonly R[],
  pageSize: number,
  textOf: (row: R) => string = () => "",
): { page: readonly R[]; hasMore: boolean } {
  let textBytes = 0;
  const isTooLarge = (row: R, index: number) => {
    textBytes += Buffer.byteLength(textOf(row));
    return index === pageSize || (index > 0 && textBytes > maxTextBytes);
  };
  const end = rows.findIndex(isTooLarge);
  return end < 0 ? { page: rows, hasMore: false } : { page: rows.slice(0, end), hasMore: true };
}

export const maxPageSize = 1000;

/** With it and the other fields of 1000 rows, a response stays below 4 MiB, the limit of clients. */
const maxTextBytes = 2 * 1024 * 1024;

function decode(token: string): readonly unknown[] {
  try {
    const decoded: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    // Buffer ignores characters that are not base64url, so compare with the canonical encoding.
    const isCanonical = Buffer.from(token, "base64url").toString("base64url") === token;
    if (isCanonical && Array.isArray(decoded)) return decoded;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw invalidPageToken(token);
}

function digest(scope: ListScope): string {
  return createHash("sha256").update(JSON.stringify(scope)).digest("base64url").slice(0, 16);
}

function isKey(
  after: unknown,
  parts: number,
  isFirstPart: (text: string) => boolean,
): after is readonly string[] {
  return (
    Array.isArray(after) &&
    after.length === parts &&
    after.every(
      (part, i) => typeof part === "string" && (i === 0 ? isFirstPart(part) : isName(part)),
    )
  );
}

function isName(text: string): boolean {
  return /^[\x20-\x7e]{0,255}$/.test(text);
}

function isVersion(text: string): boolean {
  return /^\d{1,16}$/.test(text);
}

function isAsOf(asOf: unknown): asOf is Instant | null {
  if (asOf === null) return true;
  return Number.isInteger(asOf) && Number(asOf) >= firstInstant && Number(asOf) <= lastInstant;
}

function invalidPageToken(token: string): DomainError {
  return invalidField(
    "page_token",
    `is ${quote(token)}; expected the next_page_token of a list with the same filters`,
  );
}
