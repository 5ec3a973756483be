import { expect } from "chai";
import { refreshExcerpts } from "../../scripts/docs/excerpts.js";

describe("Documents", () => {
  const files: Readonly<Record<string, string>> = {
    "client.go":
      "package main\n\n// region channel\nconnect($1)\n// endregion\n\nfunc main() {}\n" +
      "\t// region indented\n\tcall()\n\n\t\tretry()\n\t// endregion\n",
  };
  const refresh = (markdown: string) => refreshExcerpts(markdown, (path) => files[path] ?? "");

  it("contain the current text of a program's region", () => {
    const stale = "Connect:\n\n<!-- client.go channel -->\n```go\ndial()\n```\n\nThen call.\n";
    expect(refresh(stale)).to.equal(
      "Connect:\n\n<!-- client.go channel -->\n```go\nconnect($1)\n```\n\nThen call.\n",
    );
  });

  it("contain the whole program when no region is named", () => {
    const empty = "<!-- client.go -->\n```go\n```\n";
    expect(refresh(empty)).to.contain("```go\npackage main\n").and.contain("// endregion\n```");
  });

  it("contain an indented region without its indentation", () => {
    const markdown = "<!-- client.go indented -->\n```go\n```\n";
    expect(refresh(markdown)).to.contain("```go\ncall()\n\n\tretry()\n```");
  });

  it("keep code without a source unchanged", () => {
    const written = "```sh\nnpm ci\n```\n";
    expect(refresh(written)).to.equal(written);
  });

  it("are rejected when a program has no such region", () => {
    const misspelled = "<!-- client.go chanel -->\n```go\n```\n";
    expect(() => refresh(misspelled)).to.throw("client.go has no region chanel");
  });
});
