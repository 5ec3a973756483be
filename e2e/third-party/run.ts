import { buildService } from "../../bench/support/build.js";
import { type BenchedService, startService, withDataFolder } from "../../bench/support/service.js";
import { checkApiLinter } from "./api-linter.js";
import { checkBrowser } from "./browser/check.js";
import { bundlePage, openSite, type Site } from "./browser/site.js";
import { checkBufCurl } from "./buf-curl.js";
import { type Checks, createChecks } from "./checks.js";
import { findCommand } from "./command.js";
import { checkCurl } from "./curl.js";
import { checkGhz } from "./ghz.js";
import { checkGrpcurl } from "./grpcurl.js";
import { checkHealthProbe } from "./health-probe.js";
import { checkOpenApi } from "./openapi.js";

/** Calls the service with third-party programs, and checks their output. */
async function checkTools(
  checks: Checks,
  service: BenchedService,
  closed: BenchedService,
  [listed, other]: readonly [Site, Site],
): Promise<void> {
  const { grpcAddress, httpAddress } = service;
  await checkGrpcurl(checks, grpcAddress);
  await checkGhz(checks, grpcAddress);
  await checkHealthProbe(checks, grpcAddress, closed.grpcAddress);
  await checkBufCurl(checks, grpcAddress, httpAddress);
  await checkCurl(checks, httpAddress);
  await checkBrowser(checks, {
    listedOrigin: listed.origin,
    otherOrigin: other.origin,
    serviceUrl: `http://${httpAddress}`,
    closedUrl: `http://${closed.httpAddress}`,
  });
  await checkApiLinter(checks);
  // Last: it changes prices.
  await checkOpenApi(checks, httpAddress);
}

const checks = createChecks();
const tools = [
  ...["grpcurl", "ghz", "grpc-health-probe", "curl", "chromium", "api-linter", "schemathesis"],
];
for (const tool of tools) {
  await checks.check(`${tool} is there`, () => {
    if (findCommand(tool) !== undefined) return;
    throw new Error(`${tool} is not on the PATH; e2e/third-party/install.sh FOLDER installs it`);
  });
}
const script = await bundlePage();
const sites = [await openSite(script), await openSite(script)] as const;
try {
  await buildService();
  await withDataFolder(async (folder) => {
    const service = await startService(folder, {
      CORS_ORIGINS: `https://app.example.com,${sites[0].origin}`,
    });
    try {
      await withDataFolder(async (otherFolder) => {
        // Nothing listens there: this service waits for its database.
        const away = "postgres://nobody@127.0.0.1:1/nowhere";
        const closed = await startService(otherFolder, { DATABASE_URL: away });
        await checkTools(checks, service, closed, sites).finally(closed.stop);
      });
    } finally {
      await service.stop();
    }
  });
} finally {
  for (const site of sites) site.close();
}
checks.print();
process.exitCode = checks.failed() === 0 ? 0 : 1;
