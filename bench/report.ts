import { cpus, platform } from "node:os";
import { isMet, type Section, type Target } from "./section.js";

/** Formats all sections in Markdown, the targets first. */
export function toReport(sections: readonly Section[]): string {
  const targets = sections.flatMap((section) => section.targets);
  const rows = targets.map((target) => [
    ...[target.what, format(target, target.value), format(target, target.must)],
    ...[format(target, target.aim), isMet(target) ? "met" : "**missed**"],
  ]);
  return `# Benchmarks

Written by \`npm run bench -- --long\` on ${new Date().toISOString().slice(0, 10)}, in one run.
Machine: ${cpus().length} × ${cpus()[0]?.model}, ${platform()}, Node ${process.version}.

${toTable(["what", "measured", "must", "aim", ""], rows)}

${sections.map(toMarkdown).join("\n")}`;
}

export function toMarkdown({ title, text, head, rows }: Section): string {
  return `## ${title}\n\n${text}\n\n${toTable(head, rows)}\n`;
}

/** Describes a target in a line: its measurement, and whether it is met. */
export function toVerdict(target: Target): string {
  const bound = `${target.isMore ? "at least" : "at most"} ${format(target, target.must)}`;
  const verdict = isMet(target) ? "met" : "MISSED";
  return `${target.what}: ${format(target, target.value)} (${bound}: ${verdict})`;
}

function format({ unit }: Target, value: number): string {
  return `${value >= 100 ? value.toFixed(0) : Number(value.toFixed(2))}${unit}`;
}

function toTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const alignment = head.map((_, i) => (i === 0 ? "---" : "---:"));
  return [head, alignment, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
