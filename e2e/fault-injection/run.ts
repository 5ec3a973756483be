import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { buildService } from "../../bench/support/build.js";
import { createChecks } from "../../bench/support/checks.js";
import { withDataFolder } from "../../bench/support/service.js";
import { readSuiteArguments } from "../../bench/support/suite-arguments.js";
import { makeTemplate } from "./environment/environment.js";
import { clockFaults } from "./faults/clock.js";
import { databaseFaults } from "./faults/database.js";
import { diskFaults } from "./faults/disk.js";
import type { Fault } from "./faults/fault.js";
import { networkFaults } from "./faults/network.js";
import { serviceFaults } from "./faults/service.js";
import { stopFaults } from "./faults/shutdown.js";
import { injectFault } from "./inject-fault.js";
import { checkInvariants } from "./invariants/invariants.js";
import { printRows, type Row } from "./table.js";

const faults: readonly Fault[] = [
  ...databaseFaults,
  ...networkFaults,
  ...diskFaults,
  ...clockFaults,
  ...serviceFaults,
  ...stopFaults,
];

// All faults, or those that are named. Each is injected once, again only if no call failed, or with
// --long several times at different moments of the load.
const { includes, isLong } = readSuiteArguments(faults.map(({ name }) => name));
const checks = createChecks();
const rows: Row[] = [];
await buildService();
await withDataFolder(async (folder) => {
  const template = join(folder, "template");
  await mkdir(template, { mode: 0o711 });
  await makeTemplate(template);
  for (const fault of faults) {
    if (!includes(fault.name)) continue;
    const home = join(folder, fault.name);
    await mkdir(home, { mode: 0o711 });
    const startedAt = performance.now();
    try {
      const least = isLong ? fault.times : (fault.leastTimes ?? 1);
      const outcome = await injectFault(fault, least, home, template);
      rows.push({ what: fault.what, outcome });
      checkInvariants(checks, fault, outcome);
    } catch (error) {
      checks.check(fault.what, false, String((error as Error).stack));
    }
    console.log(`        ${fault.name}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  }
});
console.log();
printRows(rows);
console.log();
checks.print();
process.exitCode = checks.failed() === 0 ? 0 : 1;
