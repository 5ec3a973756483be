import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildService } from "../../bench/support/build.js";
import type { Checks } from "../../bench/support/checks.js";
import { startService, withDataFolder } from "../../bench/support/service.js";
import type { RateFile } from "../../src/cli/rates/rate-file.js";
import type { RateSource } from "../../src/cli/rates/rate-sources.js";

export type FileToImport = {
  readonly source: RateSource;
  readonly bytes: Uint8Array;
  readonly file: RateFile;
};

/** How long the imports of a file took, and what they changed. */
export type TimedImport = {
  readonly source: RateSource;
  readonly first: Imported;
  readonly second: Imported;
};

type Imported = {
  readonly seconds: number;
  readonly counts: Readonly<Record<string, number>>;
};

/**
 * Imports each file twice with the command line, into the example price book of a service of its own. Checks
 * that the first import takes every rate card, and that the second one changes nothing.
 */
export async function importFiles(
  files: readonly FileToImport[],
  checks: Checks,
): Promise<readonly TimedImport[]> {
  await buildService();
  const imports: TimedImport[] = [];
  for (const each of files) {
    await withDataFolder(async (folder) => {
      imports.push(await importTwice(folder, each, checks));
    });
  }
  return imports;
}

async function importTwice(
  folder: string,
  { source, bytes, file }: FileToImport,
  checks: Checks,
): Promise<TimedImport> {
  const path = join(folder, source);
  writeFileSync(path, bytes);
  const service = await startService(folder);
  try {
    const first = await importFile(path, source, service.grpcAddress);
    const second = await importFile(path, source, service.grpcAddress);
    const check = (what: string, expected: number, seen: number) =>
      checks.check(`${source}: ${what}`, seen === expected, `${expected} expected, ${seen} seen`);
    check("rate cards in the first import", file.cards.length, sum(first, allOutcomes));
    check(
      "rate cards that the second import leaves",
      file.cards.length,
      sum(second, ["unchanged"]),
    );
    check("changes of the second import", 0, sum(second, ["created", "updated", "ended"]));
    return { source, first, second };
  } finally {
    await service.stop();
  }
}

const allOutcomes = ["created", "updated", "ended", "unchanged"];

function sum({ counts }: Imported, outcomes: readonly string[]): number {
  return outcomes.reduce((total, name) => total + (counts[`${name}Count`] ?? 0), 0);
}

async function importFile(path: string, source: RateSource, address: string): Promise<Imported> {
  const flags = ["--source", source, "--register-missing", "--output", "json"];
  const parameters = ["dist/src/main.js", "import-rates", path, ...flags];
  const start = performance.now();
  const env = { ...process.env, LLMPRICES_ADDRESS: address };
  const { stdout } = await promisify(execFile)(process.execPath, parameters, {
    ...{ env, maxBuffer: 64 * 1024 * 1024 },
  });
  const seconds = (performance.now() - start) / 1000;
  const { counts } = JSON.parse(stdout).imported;
  const numbers = Object.entries(counts).map(([name, count]) => [name, Number(count)]);
  return { seconds, counts: Object.fromEntries(numbers) };
}
