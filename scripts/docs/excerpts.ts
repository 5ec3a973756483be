/**
 * Fills each code block after a comment `<!-- PATH -->` with the file, and each code block after a
 * comment `<!-- PATH REGION -->` with the file's lines between those that end in `region REGION` and
 * `endregion`, without the indentation of the former.
 *
 * @throws Error when a file has no such region.
 */
export function refreshExcerpts(markdown: string, read: (path: string) => string): string {
  return markdown.replace(
    marked,
    (_, path: string, region: string | undefined, language: string) => {
      const text = region === undefined ? read(path) : findRegion(read(path), path, region);
      const marker = region === undefined ? path : `${path} ${region}`;
      return `<!-- ${marker} -->\n\`\`\`${language}\n${text.trim()}\n\`\`\`\n`;
    },
  );
}

const marked = /<!-- (\S+)(?: (\S+))? -->\n```(\w+)\n[\s\S]*?\n?```\n/g;

function findRegion(text: string, path: string, region: string): string {
  const lines = text.split("\n");
  const begin = lines.findIndex((line) => line.endsWith(` region ${region}`));
  const end = lines.findIndex((line, index) => index > begin && line.endsWith(" endregion"));
  if (begin < 0 || end < 0) throw new Error(`${path} has no region ${region}`);
  const indentation = /^\s*/.exec(lines[begin] ?? "")?.[0] ?? "";
  return lines
    .slice(begin + 1, end)
    .map((line) => (line.startsWith(indentation) ? line.slice(indentation.length) : line))
    .join("\n");
}
