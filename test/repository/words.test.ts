import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { expect } from "chai";
import { exemptions, rejectedWords } from "./rejected-words.js";

const folders = [
  ...["src", "test", "e2e", "bench", "scripts", "docs", "proto", "migrations", "deploy"],
  "examples",
];

/** Generated files, files from elsewhere, and the list itself. */
const unchecked = [
  /^src\/gen\//,
  /^docs\/(?:benchmarks|allocation)\.(?:md|svg)$/,
  /^test\/repository\/(?:words\.test|rejected-words)\.ts$/,
  /(?:^|\/)(?:package-lock\.json|Cargo\.lock|go\.sum)$/,
  /\.(?:svg|csv|pem|binpb)$/,
];

const tracked = execFileSync("git", ["ls-files", "-z"], { encoding: "utf8" })
  .split("\0")
  .filter((path) => existsSync(path) && !unchecked.some((pattern) => pattern.test(path)));

/** Finds rejected words in files and in their names: `path:line: "word"; use: the standard term`. */
function findWords(paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => {
    const text = readFileSync(path, "utf8");
    const candidates = rejectedWords.filter(({ pattern }) => occursIn(pattern, `${path}\n${text}`));
    if (candidates.length === 0) return [];
    const lines = text.split("\n");
    return [path, ...lines].flatMap((line, number) =>
      candidates.flatMap(({ pattern, instead }) => {
        const found = pattern.exec(withoutExemptions(path, line))?.[0];
        if (found === undefined) return [];
        const place = number === 0 ? `${path}: in its name` : `${path}:${number}`;
        return [`${place}: "${found.trim()}"; use: ${instead}`];
      }),
    );
  });
}

/** Searches the whole text at once, which is much faster than line by line. */
function occursIn(pattern: RegExp, text: string): boolean {
  return new RegExp(pattern, `${pattern.flags}m`).test(text);
}

function withoutExemptions(path: string, line: string): string {
  return exemptions
    .filter(({ file }) => file.test(path))
    .reduce((text, exemption) => text.replaceAll(new RegExp(exemption.text, "g"), ""), line);
}

describe("Words", () => {
  for (const folder of folders) {
    it(`are standard terms in ${folder}`, () => {
      const found = findWords(tracked.filter((path) => path.startsWith(`${folder}/`)));
      expect(found, found.join("\n")).to.have.length(0);
    });
  }

  it("are standard terms in all other files", () => {
    const others = tracked.filter(
      (path) => !folders.some((folder) => path.startsWith(`${folder}/`)),
    );
    const found = findWords(others);
    expect(found, found.join("\n")).to.have.length(0);
  });
});
