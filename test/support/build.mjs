import { copyFile, mkdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = join(import.meta.dirname, "../..");

/** Programs that run in child processes and worker threads. */
const programs = [
  "src/main.ts",
  "src/cluster/worker.ts",
  "src/server/threads/thread-main.ts",
  "test/fixtures/embedded-instance.ts",
];

/**
 * Compiles test files, with all that they import, and the programs that they start. `a/b.ts` becomes
 * `a/b.js` in `folder`, which must be inside the repository: Node finds the packages from there.
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
    // Bundled with their packages, which are many small files: a thread then starts six times as fast.
    build({
      ...{ ...options, entryPoints: programs, external, banner: { js: defineRequire } },
      ...{ minifyWhitespace: true, minifySyntax: true, legalComments: "none" },
    }),
    copy("package.json", "package.json"),
    copy("src/gen/descriptors.binpb", "src/gen/descriptors.binpb"),
    copy("src/gen/openapi.json", "src/gen/openapi.json"),
  ]);
}

/**
 * Packages that stay outside the bundle: drivers that Knex can load and that are not installed, packages
 * that read their own files, and an exporter that a test replaces by a failing import.
 */
const external = [
  ...["better-sqlite3", "mariadb", "mysql", "mysql2", "oracledb", "pg-native", "pg-query-stream"],
  ...["sqlite3", "tedious", "@grpc/grpc-js", "@grpc/reflection", "grpc-health-check", "piscina"],
  ...["jsonc-parser", "@opentelemetry/exporter-trace-otlp-proto"],
];
/** Bundled CommonJS packages call `require`, which ES modules do not have. */
const defineRequire =
  'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);';

/**
 * Replaces `import.meta.url`, which in a bundle is the URL of the bundle. A test gets the URL of its
 * source, because fixtures are found relative to it; a module of src gets the URL that it would have if
 * compiled alone, because src finds its programs relative to that.
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
