import type { Attack } from "./attack.js";
import { attacks } from "./attacks.js";
import { carryOut } from "./carry-out.js";
import { printResult, printTable, type Result } from "./results.js";
import { startProbe } from "./support/probe.js";
import { withTarget } from "./support/target.js";

/** `NAME… --seed NUMBER`: all attacks when none is named, another seed each time when none is given. */
function readArguments([...words]: readonly string[]) {
  const at = words.indexOf("--seed");
  const [, seed = String(Date.now() % 1_000_000)] = at < 0 ? [] : words.splice(at, 2);
  const unknown = words.filter((word) => !attacks.some(({ name }) => name === word));
  if (unknown.length > 0 || !/^\d{1,9}$/.test(seed)) {
    const names = attacks.map(({ name }) => name).join(", ");
    throw new Error(`expected --seed NUMBER, and of ${names}; not ${unknown.join(", ") || seed}`);
  }
  const isWanted = ({ name }: Attack) => words.length === 0 || words.includes(name);
  return { seed: Number(seed), wanted: attacks.filter(isWanted) };
}

const { seed, wanted } = readArguments(process.argv.slice(2));
console.log(`seed ${seed}: npm run test:attack -- --seed ${seed} does the same again`);
const results: Result[] = [];
await withTarget(async (target) => {
  const probe = await startProbe(target, undefined);
  try {
    for (const attack of wanted) {
      const result = await carryOut(attack, target, probe, seed);
      printResult(result);
      results.push(result);
    }
  } finally {
    probe.stop();
  }
});
process.exitCode = printTable(results) ? 0 : 1;
