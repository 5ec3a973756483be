import { DomainError, invalidField } from "../../domain/domain-error.js";
import { FieldErrors } from "../../domain/field-errors.js";
import type { VersionQuery } from "./price-query.js";

/** The fields of a request that choose a version of the price book. */
export type VersionFields = {
  readonly bookVersion?: bigint | undefined;
  /** 0: any. */
  readonly minBookVersion: bigint;
};

/** @throws DomainError INVALID_FIELD */
export function parseVersions(fields: VersionFields): VersionQuery {
  const errors = new FieldErrors();
  const bookVersion = errors.read(() => parseOptionalVersion("book_version", fields.bookVersion));
  const minBookVersion = errors.read(() => parseVersion("min_book_version", fields.minBookVersion));
  errors.throwIfAny();
  checkVersions({ bookVersion, minBookVersion });
  return { bookVersion, minBookVersion };
}

/** @throws DomainError INVALID_FIELD when the only version is older than the oldest one. */
export function checkVersions({ bookVersion, minBookVersion }: VersionQuery): void {
  if (bookVersion === undefined || minBookVersion <= bookVersion) return;
  throw invalidField(
    "min_book_version",
    `is ${minBookVersion}; allowed: at most book_version, which is ${bookVersion}`,
  );
}

/** @throws DomainError INVALID_FIELD */
export function parseVersion(field: string, version: bigint): bigint {
  if (version >= 0n && version <= lastVersion) return version;
  throw invalidField(field, `is ${version}; allowed: 0 to ${lastVersion}`);
}

/** @throws DomainError INVALID_FIELD */
export function parseOptionalVersion(
  field: string,
  version: bigint | undefined,
): bigint | undefined {
  return version === undefined ? undefined : parseVersion(field, version);
}

/** Returns the version that a request needs at least. */
export function wantedVersion({ bookVersion = 0n, minBookVersion }: VersionQuery): bigint {
  return bookVersion > minBookVersion ? bookVersion : minBookVersion;
}

/** Returns the latest of some versions. */
export function latestOf(versions: readonly bigint[]): bigint {
  return versions.reduce((latest, version) => (version > latest ? version : latest), 0n);
}

/** @throws DomainError BOOK_BEHIND when the newest version is older than the request needs. */
export function requireVersion(newest: bigint, query: VersionQuery): void {
  const wanted = wantedVersion(query);
  requireReached(
    newest,
    query.bookVersion === wanted ? "book_version" : "min_book_version",
    wanted,
  );
}

/** Does the same for the version in a field. */
export function requireReached(newest: bigint, field: string, wanted: bigint): void {
  if (newest >= wanted) return;
  throw new DomainError(
    "BOOK_BEHIND",
    `the price book is at version ${newest} and has not reached ${field} ${wanted}; use the ` +
      "book_version of a response, and try again",
    { metadata: { book_version: String(newest), min_book_version: String(wanted) } },
  );
}

/** Versions are exact as numbers too. The price book would need 285 years of a million changes a second. */
const lastVersion = 2n ** 53n - 1n;
