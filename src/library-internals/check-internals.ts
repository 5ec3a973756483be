import { createRequire } from "node:module";
import type { Logger } from "pino";
import { type LibraryInternal, libraryInternals } from "./internals.js";
import { type Samples, withSamples } from "./samples.js";

/**
 * Checks that the libraries, as they are installed, have all private fields that we use: once in a
 * process, before any listener opens. Threads and workers load the same libraries. Logs a warning
 * where we can do without one.
 *
 * @throws Error naming the library, its version, the field and what to do.
 */
export async function checkLibraryInternals(
  isEncrypted: boolean,
  log: Pick<Logger, "warn">,
): Promise<void> {
  if (areAllThere) return;
  const missing = await withSamples(findMissing);
  areAllThere = missing.length === 0;
  reportMissing(missing, isEncrypted, log);
}

let areAllThere = false;

/** Returns what the samples do not have. A probe that throws has not found it either. */
export function findMissing(samples: Samples): readonly LibraryInternal[] {
  return libraryInternals.filter(({ probe }) => {
    try {
      return !probe(samples);
    } catch {
      return true;
    }
  });
}

/** Logs what we can do without, and throws for what we cannot. */
export function reportMissing(
  all: readonly LibraryInternal[],
  isEncrypted: boolean,
  log: Pick<Logger, "warn">,
): void {
  const used = isEncrypted ? "tls" : "plain text";
  const ours = all.filter(({ onlyWith }) => onlyWith === undefined || onlyWith === used);
  for (const internal of ours) {
    if (internal.ifMissing === "do not start") continue;
    log.warn(
      {
        library: nameOf(internal),
        field: internal.field,
        consequence: internal.ifMissing.fallBack,
      },
      "a library lacks a private field; continuing without it",
    );
  }
  const needed = ours.filter(({ ifMissing }) => ifMissing === "do not start");
  if (needed.length === 0) return;
  const lines = needed.map(
    (each) =>
      `${nameOf(each)} lacks "${each.field}", which ${each.usedIn} needs for ${each.benefit}`,
  );
  throw new Error(
    `cannot start: ${lines.join("; ")}. Install the versions in package-lock.json (npm ci), or ` +
      "change the named file for the new version",
  );
}

/** A library and its version: `@grpc/grpc-js 1.14.7`. */
function nameOf({ library }: LibraryInternal): string {
  if (library === "node") return `Node.js ${process.versions.node}`;
  const { version } = createRequire(import.meta.url)(`${library}/package.json`);
  return `${library} ${version}`;
}
