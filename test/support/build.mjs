import { copyFile, mkdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = join(import.meta.dirname, "../..");

/** Programs that tests start as processes, and that the service starts as threads. */
const programs = [
  "src/main.ts",
  "src/cluster/worker.ts",
  "src/server/threads/thread-main.ts",
  "test/fixtures/embedded-instance.ts",
];

/**
 * Compiles test files and all modules that they import or start: `a/b.ts` becomes `a/b.js` in the
 * folder. The folder must be in the repository, so that the compiled files find their packages.
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
    // Bundles the packages, which are many small files: a thread starts six times as fast.
    build({ ...options, entryPoints: programs, external, banner: { js: defineRequire } }),
    copy("package.json", "package.json"),
    copy("src/gen/descriptors.binpb", "src/gen/descriptors.binpb"),
  ]);
}

/**
 * Packages that are not bundled: drivers that Knex can load and that are not installed, packages that
 * load files of their own, and a package that a test prevents from loading.
 */
const external = [
  ...["better-sqlite3", "mariadb", "mysql", "mysql2", "oracledb", "pg-native", "pg-query-stream"],
  ...["sqlite3", "tedious", "@grpc/grpc-js", "@grpc/reflection", "grpc-health-check", "piscina"],
  ...["jsonc-parser", "@opentelemetry/exporter-trace-otlp-proto"],
];
/** Defines `require` for CommonJS packages. */
const defineRequire =
  'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);';

/**
 * Replaces `import.meta.url` by the module's own URL, because bundled modules share a file. The URL
 * of a test is its source in the repository, beside the fixtures. The URL of a module of src is among
 * the compiled programs.
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
