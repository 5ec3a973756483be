import type { Attack } from "./attack.js";
import { attacks, attacksOnTrust } from "./attacks.js";
import { carryOut } from "./carry-out.js";
import { printResult, printTable, type Result } from "./results.js";
import { startProbe } from "./support/probe.js";
import { withTarget } from "./support/target.js";
import { withTrust } from "./support/trust.js";

/** `NAME… --seed NUMBER`: all attacks when none is named, another seed each time when none is given. */
function readArguments([...words]: readonly string[]) {
  const at = words.indexOf("--seed");
  const [, seed = String(Date.now() % 1_000_000)] = at < 0 ? [] : words.splice(at, 2);
  const names: readonly string[] = [
    ...attacks.map(({ name }) => name),
    ...attacksOnTrust.map(([name]) => name),
  ];
  const unknown = words.filter((word) => !names.includes(word));
  if (unknown.length > 0 || !/^\d{1,9}$/.test(seed)) {
    const wrong = unknown.join(", ") || seed;
    throw new Error(`expected --seed NUMBER, and of ${names.join(", ")}; not ${wrong}`);
  }
  return { seed: Number(seed), isWanted: (name: string) => !words.length || words.includes(name) };
}

/** Carries out attacks, one after the other, on a service of their own. */
async function attack(
  wanted: readonly Attack[],
  settings: Readonly<Record<string, string>> = {},
  token?: string,
): Promise<void> {
  if (wanted.length === 0) return;
  await withTarget(settings, async (target) => {
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

const { seed, isWanted } = readArguments(process.argv.slice(2));
console.log(`seed ${seed}: npm run test:e2e:security -- --seed ${seed} does the same again`);
const results: Result[] = [];
await attack(attacks.filter(({ name }) => isWanted(name)));
await withTrust(async (trust) => {
  const wanted = attacksOnTrust.filter(([name]) => isWanted(name));
  const created = wanted.map(([, create]) => create(trust));
  await attack(created, trust.settings, trust.calculate);
});
process.exitCode = printTable(results) ? 0 : 1;
