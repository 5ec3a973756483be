import { copyFile, mkdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = join(import.meta.dirname, "../..");

/** Programs that tests start as processes of their own, and the service as threads. */
const programs = [
  "src/main.ts",
  "src/cluster/worker.ts",
  "src/server/threads/thread-main.ts",
  "test/fixtures/embedded-instance.ts",
];

/**
 * Compiles test files, and all that they import and start, into a folder of the repository, from which
 * they find their packages: `a/b.ts` becomes `a/b.js`.
 */
export async function buildTests(folder, files) {
  const options = {
    ...{ outdir: folder, outbase: root, absWorkingDir: root, chunkNames: "chunks/[name]-[hash]" },
    ...{ bundle: true, splitting: true, platform: "node", format: "esm", target: "node20" },
    ...{ logLevel: "warning", plugins: [keepModuleUrls(folder)] },
  };
  const copy = async (from, to) => {
    await mkdir(join(folder, to, ".."), { recursive: true });
    await copyFile(join(root, from), join(folder, to));
  };
  await Promise.all([
    build({
      ...{ ...options, entryPoints: [...files, "knexfile.ts"] },
      ...{ packages: "external", sourcemap: true, sourcesContent: false },
    }),
    // With their packages in them, since these are many small files: a thread starts six times as fast.
    build({ ...options, entryPoints: programs, external, banner: { js: defineRequire } }),
    copy("package.json", "package.json"),
    copy("src/gen/descriptors.binpb", "src/gen/descriptors.binpb"),
  ]);
}

/**
 * Drivers that Knex can load and we do not have, packages that load other files of their own, and one
 * that a test makes impossible to load.
 */
const external = [
  ...["better-sqlite3", "mariadb", "mysql", "mysql2", "oracledb", "pg-native", "pg-query-stream"],
  ...["sqlite3", "tedious", "@grpc/grpc-js", "@grpc/reflection", "grpc-health-check", "piscina"],
  ...["jsonc-parser", "@opentelemetry/exporter-trace-otlp-proto"],
];
/** For packages of CommonJS. */
const defineRequire =
  'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);';

/**
 * Has each module's `import.meta.url` lead to the files beside it, though modules share a file: for
 * tests in the repository, where fixtures are, and for src among the compiled programs.
 */
function keepModuleUrls(folder) {
  const load = async ({ path }) => {
    const file = relative(root, path);
    const text = await readFile(path, "utf8");
    const isSource = file.startsWith("src/");
    const { href } = pathToFileURL(isSource ? join(folder, file.replace(/ts$/, "js")) : path);
    return { contents: text.replaceAll("import.meta.url", JSON.stringify(href)), loader: "ts" };
  };
  return { name: "keep module URLs", setup: ({ onLoad }) => onLoad({ filter: /\.ts$/ }, load) };
}
