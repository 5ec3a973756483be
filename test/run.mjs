/*
 * Runs the tests: compiles them, starts PostgreSQL, and runs the files in parallel with mocha.
 *
 *   npm test                                  all files but the slow ones
 *   npm test -- test/server "test/rpc/*"      files, folders or patterns
 *   npm test -- --grep "sums to the total"    tests by their names
 *
 * --slow runs the files named *.slow.test.ts instead. --unit runs the files that need no database.
 *
 * The run leaves no process, folder or database behind, also when a signal ends it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { lookupFiles } from "mocha/lib/cli/lookup-files.js";
import { buildTests } from "./support/build.mjs";
import { endGroup } from "./support/process-group.mjs";

const root = join(import.meta.dirname, "..");
process.chdir(root);

/** The longest files. They start first, so that no job works alone at the end. */
const longest = [
  "test/price-book/every-version.test.ts",
  "test/rpc/allocation/stream-client-behaviour.test.ts",
  "test/server/connections/max-connection-age.test.ts",
  "test/server/http/early-responses.test.ts",
  "test/server/threads/memory-budget.test.ts",
  "test/cluster/workers.test.ts",
  "test/price-book/replica-consistency.test.ts",
  "test/rpc/charges/batch-limits.test.ts",
  "test/embedded-postgres/embedded-postgres.test.ts",
  "test/server/threads/thread-failures.test.ts",
  "test/server/threads/thread-limits.test.ts",
  "test/rpc/prices/concurrent-writes-and-reads.test.ts",
  "test/rpc/import/import-llm-prices.test.ts",
  "test/store/migrate-command.test.ts",
  "test/server/ops/tracing-export.test.ts",
  "test/server/connections/stalled-connections.test.ts",
  // Of those that need no database.
  "test/unit/allocation.test.ts",
  "test/unit/charge.test.ts",
];

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    grep: { type: "string", short: "g" },
    slow: { type: "boolean", default: false },
    unit: { type: "boolean", default: false },
  },
});
const { timeout, require: hooks } = JSON.parse(readFileSync(".mocharc.json", "utf8"));

/** Undo what the run has started so far; called in reverse order. */
const cleanups = [];
let isEnding = false;
for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 })) {
  process.on(signal, () => void end(128 + number));
}
try {
  await end(await run(findFiles()));
} catch (error) {
  console.error(error);
  await end(1);
}

function findFiles() {
  const everything = flags.unit ? ["test/unit", "test/repository"] : ["test"];
  const named = positionals.length > 0 ? positionals : everything;
  const found = named.flatMap((spec) => lookupFiles(spec, [".test.ts"], true));
  const isWanted = (file) => named.includes(file) || file.endsWith(".slow.test.ts") === flags.slow;
  const files = found.filter(isWanted);
  const rank = (file) => (longest.includes(file) ? longest.indexOf(file) : longest.length);
  if (files.length === 0) throw new Error(`no test files in ${named.join(", ")}`);
  return files.sort((a, b) => rank(a) - rank(b));
}

/** Returns mocha's exit code, or 1 when tests left processes running. */
async function run(files) {
  mkdirSync("dist", { recursive: true });
  const build = mkdtempSync(join(root, "dist/test-"));
  const remove = (folder) => rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
  const building = buildTests(build, [...files, ...hooks]);
  cleanups.push(() => building.catch(() => {}).finally(() => remove(build)));
  await building;
  if (isEnding) return 1;

  const compiled = (file) => join(build, file.replace(/ts$/, "js"));
  const postgres = await import(pathToFileURL(compiled("test/support/postgres.ts")).href);
  if (isEnding) return 1;
  const folder = postgres.createTestFolder();
  cleanups.push(() => remove(folder));
  const env = { ...process.env, LLMPRICES_TEST_BUILD: build, TMPDIR: join(folder, "tmp") };
  mkdirSync(env.TMPDIR);
  chmodSync(env.TMPDIR, 0o755);
  if (!flags.unit) {
    const starting = postgres.startTestServer();
    cleanups.push(() => starting.then(({ stop }) => stop()));
    Object.assign(env, (await starting).environment);
    if (isEnding) return 1;
  }

  const jobs = ["--parallel", "--jobs", String(availableParallelism() + 1)];
  const parameters = [
    // As the service is started: see src/server/runtime-tuning/v8-flags.ts.
    "--no-allocation-site-pretenuring",
    ...["--enable-source-maps", "node_modules/mocha/bin/mocha.js", "--no-config", ...jobs],
    ...["--timeout", String(timeout), ...(flags.grep === undefined ? [] : ["--grep", flags.grep])],
    ...[...hooks.flatMap((file) => ["--require", compiled(file)]), ...files.map(compiled)],
  ];
  // Mocha leads a process group that contains all processes of the tests. A terminal sends the SIGINT
  // of Ctrl-C to the runner's group only.
  const mocha = spawn(process.execPath, parameters, { env, stdio: "inherit", detached: true });
  const exit = once(mocha, "exit");
  cleanups.push(() => endGroup(mocha.pid).then(() => exit));
  const [code] = await exit;
  const left = await endGroup(mocha.pid, 10_000);
  if (left.length > 0) console.error(`Tests left processes running:\n${left.join("\n")}`);
  return left.length > 0 ? 1 : (code ?? 1);
}

async function end(code) {
  if (isEnding) return;
  isEnding = true;
  for (const cleanup of cleanups.reverse()) {
    await Promise.resolve()
      .then(cleanup)
      .catch((error) => console.error(error));
  }
  process.exit(code);
}
