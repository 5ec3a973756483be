import { createHash } from "node:crypto";
import { type DomainError, invalidField, quote } from "../../domain/domain-error.js";
import type { Instant } from "../../domain/instant.js";
import { firstInstant, lastInstant } from "../../domain/instant.js";

/** Where a page begins: behind the last row of the page before, at that page's instant. */
export type PagePosition = {
  /** The unique key of that row, part by part. */
  readonly after: readonly string[];
  readonly asOf?: Instant;
};

/** What a list is of: its method and its filters. A token is good for its own list only. */
export type ListScope = readonly unknown[];

/**
 * How many rows a page may have (AIP-158): the default for 0, and the largest for more.
 *
 * @throws DomainError INVALID_FIELD when negative.
 */
export function parsePageSize(pageSize: number, { whenUnset }: { whenUnset: number }): number {
  if (pageSize < 0) throw invalidField("page_size", `is ${pageSize}; allowed: 0 or more`);
  return Math.min(pageSize || whenUnset, maxPageSize);
}

/** An opaque token for the page behind a position. */
export function toPageToken(scope: ListScope, { after, asOf }: PagePosition): string {
  return Buffer.from(JSON.stringify([digest(scope), after, asOf ?? null])).toString("base64url");
}

/**
 * The position that a token stands for; undefined for the first page.
 *
 * @throws DomainError INVALID_FIELD when it is not a token of this list.
 */
export function parsePageToken(
  scope: ListScope,
  token: string,
  keyParts: number,
): PagePosition | undefined {
  const decoded = decodePageToken(token, keyParts);
  if (decoded !== undefined && decoded.scopeDigest !== digest(scope)) throw foreign(token);
  return decoded?.position;
}

/**
 * What a token says, of whatever list; undefined for the first page.
 *
 * @throws DomainError INVALID_FIELD when it is no token of ours.
 */
export function decodePageToken(token: string, keyParts: number) {
  if (token === "") return undefined;
  const [scopeDigest, after, asOf] = decode(token);
  if (!isKey(after, keyParts) || !isAsOf(asOf)) throw foreign(token);
  const position: PagePosition = asOf === null ? { after } : { after, asOf };
  return { scopeDigest, position };
}

/**
 * The token of a list that is ordered by time: behind an instant.
 *
 * @throws DomainError INVALID_FIELD when it is no token of ours.
 */
export function parseInstantToken(token: string): Instant | undefined {
  const text = decodePageToken(token, 1)?.position.after[0];
  if (text === undefined) return undefined;
  const instant = Number(text);
  if (String(instant) !== text || !isAsOf(instant)) throw foreign(token);
  return instant;
}

/** Splits one row more than a page into the page and the token of the next. */
export function toPage<R>(
  rows: readonly R[],
  pageSize: number,
  tokenBehind: (last: R) => string,
): { page: readonly R[]; nextPageToken: string } {
  const page = rows.slice(0, pageSize);
  const last = page.at(-1);
  const hasMore = rows.length > pageSize && last !== undefined;
  return { page, nextPageToken: hasMore ? tokenBehind(last) : "" };
}

/** The most rows of a page. */
export const maxPageSize = 1000;

function decode(token: string): readonly unknown[] {
  try {
    const decoded: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    // Buffer passes over what is no base64: only our own spelling is ours.
    const isOurs = Buffer.from(token, "base64url").toString("base64url") === token;
    if (isOurs && Array.isArray(decoded)) return decoded;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw foreign(token);
}

function digest(scope: ListScope): string {
  return createHash("sha256").update(JSON.stringify(scope)).digest("base64url").slice(0, 16);
}

function isKey(after: unknown, parts: number): after is readonly string[] {
  return (
    Array.isArray(after) &&
    after.length === parts &&
    after.every((part) => typeof part === "string" && /^[\x20-\x7e]{0,255}$/.test(part))
  );
}

function isAsOf(asOf: unknown): asOf is Instant | null {
  if (asOf === null) return true;
  return Number.isInteger(asOf) && Number(asOf) >= firstInstant && Number(asOf) <= lastInstant;
}

function foreign(token: string): DomainError {
  return invalidField(
    "page_token",
    `is ${quote(token)}; expected the next_page_token of a list with the same filters`,
  );
}
