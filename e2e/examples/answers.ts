import { readFileSync } from "node:fs";

/** An unexpected line. */
export type Difference = { readonly expected: string; readonly seen: string };

/** The number of lines that every client must print. */
export const answerCount: number = readAnswers().length;

/** Compares the output of a client with the expected lines. */
export function compareAnswers(name: string, printed: readonly string[]): readonly Difference[] {
  const expected = readAnswers();
  const longest = Math.max(expected.length, printed.length);
  return Array.from({ length: longest }, (_, line) => ({
    expected: expected[line] ?? "(nothing more)",
    seen: printed[line] ?? "(nothing)",
  })).filter(({ expected, seen }) => !toPattern(expected, name).test(seen));
}

function readAnswers(): readonly string[] {
  return readFileSync(new URL("answers.txt", import.meta.url), "utf8")
    .trimEnd()
    .split("\n");
}

/** `{name}` stands for the client's own name, `{time}` for any time in whole milliseconds. */
function toPattern(expected: string, name: string): RegExp {
  const literal = expected.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = literal
    .replaceAll("\\{name\\}", name)
    .replaceAll("\\{time\\}", "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{3})?Z");
  return new RegExp(`^${pattern}$`);
}
