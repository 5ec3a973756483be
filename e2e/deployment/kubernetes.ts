import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import type { Checks } from "../third-party/checks.js";
import { findCommand, outputOf } from "../third-party/command.js";
import { readDeployed } from "./dockerfile.js";
import { checkAgreement } from "./kubernetes-agreement.js";
import { type Built, buildManifests, find } from "./manifests.js";

/** Checks that Kubernetes and reviewers accept the manifests, and that they match the service. */
export async function checkKubernetes(checks: Checks, repository: string): Promise<void> {
  const { check } = checks;
  const built = new Map<string, Built>();
  for (const name of ["service", "migrate"] as const) {
    await check(`kustomize builds deploy/kubernetes/${name}`, async () => {
      built.set(name, await buildManifests(name));
    });
  }
  const [service, migrate] = [built.get("service"), built.get("migrate")];
  if (service === undefined || migrate === undefined) return;
  for (const [name, { text }] of built) {
    for (const version of ["1.30.0", "1.37.0"]) {
      await check(`Kubernetes ${version} has all that ${name} says`, () => conform(version, text));
    }
    await check(`kube-score finds nothing in ${name}`, () => score(text));
  }
  await check("the job of the migration is this version's, and so is the service", () => {
    const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
    const image = `llmprices:${version}`;
    const job = find(migrate, "Job");
    expect(job.metadata.name).to.equal(`llmprices-migrate-${version.replaceAll(".", "-")}`);
    expect(job.spec.template.spec.initContainers[0].image).to.equal(image);
    expect(find(service, "Deployment").spec.template.spec.containers[0].image).to.equal(image);
    const postgres = job.spec.template.spec.containers[0].image;
    expect(readDeployed("compose.yaml")).to.include(`image: ${postgres}\n`).and.include(image);
  });
  await check("the job grants what grants.sql says", () => {
    const { data } = find(migrate, "ConfigMap", "llmprices-grants");
    expect(data?.["grants.sql"]).to.equal(readDeployed("postgres/grants.sql"));
  });
  await checkAgreement(checks, service, migrate);
}

async function conform(version: string, text: string): Promise<void> {
  const schemas = join(dirname(findCommand("kubeconform") ?? ""), "kubernetes-schemas");
  const location = `${schemas}/{{.NormalizedKubernetesVersion}}/{{.ResourceKind}}{{.KindSuffix}}.json`;
  const options = ["-strict", "-summary", "-kubernetes-version", version];
  const output = await pipe("kubeconform", [...options, "-schema-location", location, "-"], text);
  expect(output).to.match(/Valid: [1-9]\d*, Invalid: 0, Errors: 0, Skipped: 0/);
}

async function score(text: string): Promise<void> {
  const declined = [
    // A version is pulled once; it is never pushed again.
    "container-image-pull-policy",
    // What the spread over zones and hosts does.
    "deployment-has-host-podantiaffinity",
    // The policies of the service stand beside the job as well, where they find none.
    "networkpolicy-targets-pod",
  ];
  const options = ["--ignore-test", declined.join(","), "--ignore-container-cpu-limit"];
  await pipe("kube-score", ["score", "--kubernetes-version", "v1.30", ...options, "-"], text);
}

/** What a tool prints that reads `text`, and has nothing to complain of. */
function pipe(command: string, args: readonly string[], text: string): Promise<string> {
  const script = `printf '%s' "$MANIFESTS" | "$@"`;
  return outputOf("env", [`MANIFESTS=${text}`, "sh", "-c", script, "sh", command, ...args]);
}
