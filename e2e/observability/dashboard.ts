import { readFileSync } from "node:fs";
import { expect } from "chai";

/** The checked parts of a dashboard. Grafana has no tool that checks one without a server. */
export type Dashboard = {
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly { readonly expr?: string }[] };
};
type Panel = {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly targets?: readonly Target[];
};
type Target = { readonly expr: string; readonly refId: string; readonly datasource?: object };
type Variable = { readonly name: string; readonly type: string; readonly definition?: string };

export function readDashboard(path: string): Dashboard {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** @throws AssertionError if Grafana could not show the dashboard correctly. */
export function expectSound({ schemaVersion, panels, templating }: Dashboard): void {
  expect(schemaVersion, "schemaVersion").to.be.within(36, 41);
  const ids = panels.map(({ id }) => id);
  expect(new Set(ids).size, "panels with an id of their own").to.equal(panels.length);
  const places = panels.map(({ gridPos: { x, y } }) => `${x} ${y}`);
  expect(new Set(places).size, "panels with a place of their own").to.equal(panels.length);
  const variables = new Map(templating.list.map((variable) => [variable.name, variable]));
  expect(variables.get("datasource")?.type, "variable for the data source").to.equal("datasource");
  const source = { type: "prometheus", uid: `\${datasource}` };
  for (const { title, type, gridPos, datasource, targets = [] } of panels) {
    expect(gridPos.x + gridPos.w, title).to.be.at.most(24);
    if (type === "row") continue;
    expect(targets, title).to.not.be.empty;
    expect(datasource, title).to.deep.equal(source);
    expect(new Set(targets.map(({ refId }) => refId)).size, title).to.equal(targets.length);
    for (const target of targets) expect(target.datasource, title).to.deep.equal(source);
    const used = targets.flatMap(({ expr }) => [...expr.matchAll(/\$\{?(\w+)/g)]);
    for (const [, name = ""] of used) {
      expect(name.startsWith("__") || variables.has(name), `${title}: $${name}`).to.equal(true);
    }
  }
}

/** Returns all expressions, with values in place of variables, as Grafana does. */
export function expressionsIn({ panels, templating, annotations }: Dashboard): string[] {
  const queries = templating.list.flatMap(({ definition }) => definition ?? []);
  return [
    ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...annotations.list.flatMap(({ expr }) => expr ?? []),
    ...queries.map((query) => query.replace(/^label_values\((.*), \w+\)$/, "$1")),
  ].map((expression) =>
    expression.replaceAll("$__rate_interval", "5m").replaceAll(/\$(?:job|instance)/g, "x"),
  );
}
