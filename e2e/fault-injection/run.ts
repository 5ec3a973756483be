import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createChecks } from "../../bench/support/checks.js";
import { buildService, withDataFolder } from "../../bench/support/service.js";
import { clockFaults } from "./clock-faults.js";
import { databaseFaults } from "./database-faults.js";
import { diskFaults } from "./disk-faults.js";
import type { Fault } from "./fault.js";
import { networkFaults } from "./network-faults.js";
import { checkPromises } from "./promises.js";
import { serviceFaults } from "./service-faults.js";
import { stopFaults } from "./stop-faults.js";
import { printTable, type Row } from "./table.js";
import { tryFault } from "./try-fault.js";
import { makeTemplate } from "./world.js";

const faults: readonly Fault[] = [
  ...databaseFaults,
  ...networkFaults,
  ...diskFaults,
  ...clockFaults,
  ...serviceFaults,
  ...stopFaults,
];

// All faults, or those that are named on the command line.
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !faults.some((fault) => fault.name === name));
const checks = createChecks();
const rows: Row[] = [];
for (const name of unknown) {
  checks.check(name, false, `is none of ${faults.map((fault) => fault.name).join(", ")}`);
}
await buildService();
await withDataFolder(async (folder) => {
  const template = join(folder, "template");
  await mkdir(template, { mode: 0o711 });
  await makeTemplate(template);
  for (const fault of faults) {
    if (wanted.length > 0 && !wanted.includes(fault.name)) continue;
    const home = join(folder, fault.name);
    await mkdir(home, { mode: 0o711 });
    const startedAt = performance.now();
    try {
      const outcome = await tryFault(fault, home, template);
      rows.push({ fault, outcome });
      checkPromises(checks, fault, outcome);
    } catch (error) {
      checks.check(fault.what, false, String((error as Error).stack));
    }
    console.log(`        ${fault.name}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  }
});
console.log();
printTable(rows);
console.log();
checks.print();
process.exitCode = checks.failed() === 0 ? 0 : 1;
