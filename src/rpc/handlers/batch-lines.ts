import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { DomainError, invalidField } from "../../domain/domain-error.js";
import { parseAll } from "../../domain/field-errors.js";
import { checkVersions, parseVersions, type VersionFields } from "../messages/book-version.js";
import type { VersionQuery } from "../messages/price-query.js";
import { parseAsOf } from "../messages/timestamps.js";

/** The fields of a batch, whose lines may have their own time and version. */
type BatchFields = VersionFields & {
  readonly requests: readonly unknown[];
  readonly asOf?: Timestamp | undefined;
};

/** Parses what the lines of a batch share. `noun` is what errors call the lines. @throws DomainError */
export function parseBatch(batch: BatchFields, maxLines: number, noun: string) {
  const { requests, asOf } = batch;
  return parseAll({
    requests: () => {
      if (requests.length <= maxLines) return;
      const allowed = `at most ${maxLines} (MAX_BATCH_CALCULATIONS)`;
      throw invalidField("requests", `has ${requests.length} ${noun}; allowed: ${allowed}`);
    },
    asOf: () => parseAsOf(asOf),
    versions: () => parseVersions(batch),
  });
}

/** Parses each line of a batch. A line that is invalid becomes its error. */
export function* parseLines<R, L extends VersionQuery>(
  requests: readonly R[],
  bookVersion: bigint | undefined,
  parse: (request: R) => L,
): Generator<undefined, (L | DomainError)[]> {
  const lines: (L | DomainError)[] = [];
  for (const request of requests) {
    lines.push(
      orDomainError(() => {
        const line = parse(request);
        // The version of the batch is that of a line without its own, which may need a later one.
        if (line.bookVersion === undefined)
          checkVersions({ bookVersion, minBookVersion: line.minBookVersion });
        return line;
      }),
    );
    yield;
  }
  return lines;
}

/** Returns what `work` returns, or the DomainError that it throws. */
export function orDomainError<T>(work: () => T): T | DomainError {
  try {
    return work();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
}

/** Returns how much memory lines take: parsed, with their results, and the bytes in both threads. */
export function bytesOfLines(requests: readonly { readonly usage?: unknown }[]): number {
  const rated = requests.filter(({ usage }) => usage !== undefined).length;
  return requests.length * bytesPerLine + rated * bytesPerRatedLine;
}

const bytesPerLine = 2048;
/** Of a rated usage in addition: its lines and findings. */
const bytesPerRatedLine = 8192;
