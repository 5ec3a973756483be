import { readFileSync } from "node:fs";
import { expect } from "chai";
import { parse } from "yaml";

type Rule = {
  readonly alert?: string;
  readonly annotations?: { readonly runbook_url?: string };
};

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const { groups }: { groups: readonly { rules: readonly Rule[] }[] } = parse(
  read("deploy/prometheus/alerts.yaml"),
);
const alerts = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined);
const runbook = read("docs/runbook.md");
const rows = [...runbook.matchAll(/^\| <a id="(\w+)"><\/a>`(\w+)` \| (.+) \| (.+) \|$/gm)];

describe("The runbook", () => {
  it("has a row with a first look and a first act for each alert, in their order", () => {
    expect(rows.map(([, , alert]) => alert)).to.deep.equal(alerts.map(({ alert }) => alert));
    for (const [row, , , look, act] of rows) {
      for (const text of [look, act]) expect(text?.trim(), row).to.not.equal("");
    }
  });

  it("is where each alert leads: to its row", () => {
    const anchors = new Map(rows.map(([, anchor, alert]) => [alert, anchor]));
    for (const { alert, annotations } of alerts) {
      const url = new URL(annotations?.runbook_url ?? "missing:");
      expect(url.pathname, alert).to.match(/\/docs\/runbook\.md$/);
      expect(url.hash, alert).to.equal(`#${anchors.get(alert)}`);
    }
  });
});

describe("The dashboard", () => {
  it("shows no 0 where nothing was measured", () => {
    expect(read("deploy/grafana/llmprices.json")).to.not.match(/\bvector\(/);
  });
});
