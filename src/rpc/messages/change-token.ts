import { invalidField, quote } from "../../domain/domain-error.js";
import { firstInstant, lastInstant } from "../../domain/instant.js";
import type { ChangePosition } from "../../store/timelines/timeline-changes.js";
import { parsePageToken, toPageToken } from "./pagination.js";

/** Where a page of changes begins, and the last version of the list. */
export type ChangeToken = { readonly position: ChangePosition; readonly newest: bigint };

/** Creates the token of the page after a change in a table. */
export function toChangeToken(
  table: string,
  after: bigint,
  newest: bigint,
  last: ChangePosition,
): string {
  const { version, id, effectiveFrom, kind } = last;
  const position = [newest, version, id, effectiveFrom, kind].map(String);
  return toPageToken(scopeOf(table, after), { after: position });
}

/**
 * Parses a token. Returns undefined for the first page.
 *
 * @throws DomainError INVALID_FIELD when the token is not of this list.
 */
export function parseChangeToken(
  table: string,
  token: string,
  after: bigint,
): ChangeToken | undefined {
  const parts = parsePageToken(scopeOf(table, after), token, 5)?.after;
  if (parts === undefined) return undefined;
  const [newest = "", version = "", id = "", from = "", kind = ""] = parts;
  const effectiveFrom = Number(from);
  const isValid =
    versionPattern.test(newest) &&
    versionPattern.test(version) &&
    uuidPattern.test(id) &&
    Number.isInteger(effectiveFrom) &&
    effectiveFrom >= firstInstant &&
    effectiveFrom <= lastInstant;
  if (!isValid || (kind !== "written" && kind !== "superseded")) {
    throw invalidField(
      "page_token",
      `is ${quote(token)}; expected the next_page_token of this list`,
    );
  }
  const position = { version: BigInt(version), id, effectiveFrom, kind } as const;
  return { position, newest: BigInt(newest) };
}

function scopeOf(table: string, after: bigint) {
  return ["changes", table, String(after)];
}

const versionPattern = /^\d{1,16}$/;
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
