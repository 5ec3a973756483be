import { readFileSync } from "node:fs";
import { expect } from "chai";
import type { Checks } from "../third-party/checks.js";
import { only, readStages } from "./dockerfile.js";
import { type Built, find, type Labels, selects } from "./manifests.js";
import { configOf, imageSettings, knownVariables, type Settings, stopSeconds } from "./settings.js";

/** What the manifests say of the service is what the service does. */
export async function checkAgreement(
  { check }: Checks,
  service: Built,
  migrate: Built,
): Promise<void> {
  const deployment = find(service, "Deployment").spec;
  const { spec: pod, metadata } = deployment.template;
  const [container] = pod.containers;
  const settings: Settings = find(service, "ConfigMap", "llmprices").data ?? {};
  const config = configOf({ ...settings, DATABASE_URL: "postgres://user@host/database" });

  await check("the manifests set what the service reads, and nothing else", () => {
    const set = [...Object.keys(settings), ...container.env.map((each: Named) => each.name)];
    expect([...knownVariables()]).to.include.members(set);
    expect(container.envFrom[0].configMapRef.name).to.match(/^llmprices-\w{10}$/);
  });
  await check("the manifests mount the files that the settings name", () => {
    const mounts: string[] = container.volumeMounts.map((each: Mount) => each.mountPath);
    const files = Object.entries(settings).filter(([name]) => name.endsWith("_FILE"));
    expect(files.map(([name]) => name)).to.deep.equal([
      "AUTH_TOKENS_FILE",
      "TLS_CERT_FILE",
      "TLS_KEY_FILE",
    ]);
    for (const [name, path] of files) {
      expect(mounts, name).to.include(path.slice(0, path.lastIndexOf("/")));
    }
  });
  await check("the manifests' ports are those that the image exposes", () => {
    const listeners = { grpc: "GRPC_ADDR", http: "HTTP_ADDR", ops: "OPS_ADDR" };
    const expected = Object.entries(listeners).map(([name, variable]) => ({
      name,
      containerPort: Number(imageSettings()[variable]?.split(":")[1]),
    }));
    expect(container.ports).to.deep.equal(expected);
    const exposed = only(imageStage(), "EXPOSE").getArguments();
    expect(exposed.map((each) => Number(each.getValue()))).to.deep.equal(
      expected.map((each) => each.containerPort),
    );
    for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"]) {
      expect(container[probe].httpGet.port, probe).to.equal("ops");
    }
  });
  await check(
    "the services and policies name ports that there are, and select the replicas",
    () => {
      const names = container.ports.map((each: Named) => each.name);
      const ofKind = (kind: string) => service.manifests.filter((each) => each.kind === kind);
      for (const { spec } of ofKind("Service")) {
        expect(names).to.include.members(spec.ports.map((each: Port) => each.targetPort));
        expect(selects(spec.selector, metadata.labels)).to.equal(true);
      }
      for (const {
        spec,
        metadata: { name },
      } of ofKind("NetworkPolicy")) {
        const ports = (spec.ingress ?? []).flatMap((each: { ports: Port[] }) => each.ports);
        expect(names).to.include.members(ports.map((each: Port) => each.port));
        expect(selects(spec.podSelector.matchLabels ?? {}, metadata.labels), name).to.equal(true);
      }
      for (const { spec } of [...ofKind("PodDisruptionBudget"), { spec: deployment }]) {
        expect(selects(spec.selector.matchLabels, metadata.labels)).to.equal(true);
      }
    },
  );
  await check("a replica has the time to stop that its settings ask for", () => {
    expect(config.drainDelayMs).to.be.greaterThan(0);
    expect(pod.terminationGracePeriodSeconds).to.be.least(stopSeconds(config));
  });
  await check("a replica stays in its service for as long as its book may be used", () => {
    const { periodSeconds, failureThreshold } = container.readinessProbe;
    expect(periodSeconds * failureThreshold * 1000).to.equal(config.maxBookStalenessMs);
    expect(container.readinessProbe.httpGet.path).to.equal("/readyz");
    // Without its database a replica is not to be started anew, again and again.
    expect(container.startupProbe.httpGet.path).to.equal("/healthz");
    expect(container.livenessProbe.httpGet.path).to.equal("/healthz");
  });
  await check("a replica more is there before one goes, and two are left in any case", () => {
    expect(deployment.replicas).to.be.least(3);
    expect(deployment.strategy.rollingUpdate).to.include({ maxUnavailable: 0 });
    expect(find(service, "PodDisruptionBudget").spec.maxUnavailable).to.equal(1);
  });
  await check("everything runs as the image's user, who can write nothing", () => {
    const [user, group] = String(only(imageStage(), "USER").getArgumentsContent()).split(":");
    for (const { spec } of [deployment, find(migrate, "Job").spec].map((each) => each.template)) {
      expect(spec.securityContext).to.include({
        runAsUser: Number(user),
        runAsGroup: Number(group),
      });
      expect(spec).to.include({ automountServiceAccountToken: false });
      for (const each of [...(spec.initContainers ?? []), ...spec.containers]) {
        expect(each.securityContext).to.deep.equal({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
      }
    }
  });
  await check("docs/operations.md says how each secret is made", () => {
    const text = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
    const named = JSON.stringify([...service.manifests, ...migrate.manifests]);
    const secrets = named.matchAll(
      /"secretName":"([\w-]+)"|"secretKeyRef":\{[^}]*"name":"([\w-]+)"/g,
    );
    const names = new Set([...secrets].map(([, one, other]) => one ?? other));
    expect([...names].sort()).to.deep.equal([
      "llmprices-database",
      "llmprices-tls",
      "llmprices-tokens",
    ]);
    for (const name of names) expect(text).to.match(new RegExp(`create secret \\w+ ${name}\\b`));
  });
}

type Named = { readonly name: string };
type Mount = { readonly mountPath: string };
type Port = { readonly targetPort?: string; readonly port?: string; readonly labels?: Labels };

function imageStage() {
  const stage = readStages().at(-1);
  if (stage === undefined) throw new Error("the Dockerfile has no stage");
  return stage;
}
