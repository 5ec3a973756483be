import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildService } from "../../bench/support/build.js";
import { createChecks } from "../third-party/checks.js";
import { findCommand, outputOf } from "../third-party/command.js";
import { archiveOf, archiving, checkBackups } from "./backups.js";
import { createCluster, programOf } from "./cluster.js";
import { checkCompose } from "./compose.js";
import { checkConnections } from "./connections.js";
import { checkImage } from "./image.js";
import { checkKubernetes } from "./kubernetes.js";
import { checkUpgrades } from "./upgrades.js";

const repository = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const checks = createChecks();
const tools = ["hadolint", "compose-config", "kustomize", "kubeconform", "kube-score"];
for (const tool of [...tools, "setpriv", "unshare"]) {
  await checks.check(`${tool} is there`, () => {
    if (findCommand(tool) !== undefined) return;
    throw new Error(`${tool} is not on the PATH; e2e/deployment/install.sh FOLDER installs it`);
  });
}
await checks.check("a PostgreSQL of Debian's is there", () => programOf("initdb"));

const folder = mkdtempSync(join(tmpdir(), "llmprices-deploy-"));
try {
  // The users of PostgreSQL and of the image must be able to traverse the folder.
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, "image"));
  mkdirSync(archiveOf(folder));
  await outputOf("chown", ["postgres", archiveOf(folder)]);
  await checkCompose(checks, repository);
  await checkKubernetes(checks, repository);
  await buildService();
  const cluster = await createCluster(join(folder, "postgres"), archiving(folder));
  try {
    await checkImage(checks, repository, join(folder, "image"), cluster);
    await checkBackups(checks, cluster, folder);
    await checkUpgrades(checks, cluster, folder);
    await checkConnections(checks, cluster, folder);
  } finally {
    await cluster.stop();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
checks.print();
process.exitCode = checks.failed() === 0 ? 0 : 1;
