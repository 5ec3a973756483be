import { readSuiteArguments } from "../../bench/support/suite-arguments.js";
import { keepByteOrderMarks } from "../../src/protobuf/text-encoding.js";
import type { Attack } from "./attack.js";
import { attacks, attacksOnTrust } from "./attacks.js";
import { carryOut } from "./carry-out.js";
import { printResult, printTable, type Result } from "./results.js";
import { startProbe } from "./support/probe.js";
import { withTarget } from "./support/target.js";
import { withTrust } from "./support/trust.js";

/** Runs attacks in sequence against a new service. */
async function attack(
  wanted: readonly Attack[],
  settings: Readonly<Record<string, string>> = {},
  token?: string,
): Promise<void> {
  if (wanted.length === 0) return;
  await withTarget(settings, scale, async (target) => {
    const probe = await startProbe(target, token);
    try {
      for (const each of wanted) {
        const result = await carryOut(each, target, probe, seed);
        printResult(result);
        results.push(result);
      }
    } finally {
      probe.stop();
    }
  });
}

// All attacks, or those that are named: six of a hundred calls, or with --long all of them.
const names = [...attacks.map(({ name }) => name), ...attacksOnTrust.map(([name]) => name)];
const { includes, isLong, option } = readSuiteArguments(names, { options: ["seed", "scale"] });
const seed = option("seed") ?? Date.now() % 1_000_000;
const scale = option("scale") ?? (isLong ? 1 : 0.06);
const repeat = `--seed ${seed} --scale ${scale}`;
console.log(`npm run test:e2e:security -- ${repeat} does the same again`);
// Otherwise the suite would misread the texts of responses.
keepByteOrderMarks();
const results: Result[] = [];
await attack(attacks.filter(({ name }) => includes(name)));
await withTrust(async (trust) => {
  const wanted = attacksOnTrust.filter(([name]) => includes(name));
  const created = wanted.map(([, create]) => create(trust));
  await attack(created, trust.settings, trust.calculate);
});
process.exitCode = printTable(results) ? 0 : 1;
