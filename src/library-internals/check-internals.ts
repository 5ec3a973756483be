import { createRequire } from "node:module";
import type { Logger } from "pino";
import { type LibraryInternal, libraryInternals } from "./internals.js";
import { type Samples, withSamples } from "./samples.js";

/**
 * Checks that the installed libraries have all private fields that we use. Must run before any
 * listener opens. Does nothing once it has found all of them: threads and workers load the same
 * libraries. Logs a warning for each missing field that the service can work without.
 *
 * @throws Error that names the library, its version, the field and what to do.
 */
export async function checkLibraryInternals(
  isEncrypted: boolean,
  log: Pick<Logger, "warn">,
): Promise<void> {
  if (hasFoundAll) return;
  const missing = await withSamples(findMissing);
  hasFoundAll = missing.length === 0;
  reportMissing(missing, isEncrypted, log);
}

let hasFoundAll = false;

/** Returns the internals that the samples lack. A probe that throws counts as missing. */
export function findMissing(samples: Samples): readonly LibraryInternal[] {
  return libraryInternals.filter(({ probe }) => {
    try {
      return !probe(samples);
    } catch {
      return true;
    }
  });
}

/** Logs a warning for each optional field that is missing. Throws if a required one is missing. */
export function reportMissing(
  all: readonly LibraryInternal[],
  isEncrypted: boolean,
  log: Pick<Logger, "warn">,
): void {
  const transport = isEncrypted ? "tls" : "plain text";
  const relevant = all.filter(({ onlyWith }) => onlyWith === undefined || onlyWith === transport);
  for (const internal of relevant) {
    if (internal.ifMissing === "fail to start") continue;
    log.warn(
      {
        library: nameOf(internal),
        field: internal.field,
        consequence: internal.ifMissing.fallBack,
      },
      "a library lacks a private field; continuing without it",
    );
  }
  const required = relevant.filter(({ ifMissing }) => ifMissing === "fail to start");
  if (required.length === 0) return;
  const lines = required.map(
    (each) => `${nameOf(each)} lacks "${each.field}", which ${each.usedIn} needs (${each.benefit})`,
  );
  throw new Error(
    `cannot start: ${lines.join("; ")}. Install the versions in package-lock.json (npm ci), or ` +
      "change the named file for the new version",
  );
}

/** Returns a library and its version: `@grpc/grpc-js 1.14.7`. */
function nameOf({ library }: LibraryInternal): string {
  if (library === "node") return `Node.js ${process.versions.node}`;
  const { version } = createRequire(import.meta.url)(`${library}/package.json`);
  return `${library} ${version}`;
}
