import { setTimeout as sleep } from "node:timers/promises";
import { fillBook } from "../../bench/price-book/fill.js";
import { createChecks } from "../../bench/support/checks.js";
import { readSuiteArguments } from "../../bench/support/suite-arguments.js";
import { createTokensFile, freshToken } from "../../test/support/tokens.js";
import { readLoggedErrors } from "../support/logged-errors.js";
import { withTestedService } from "../support/tested-service.js";
import { maxConnections } from "./abuse.js";
import { startAbuser } from "./abuser/abuser.js";
import { abuses } from "./abuses.js";
import { startGoodCaller } from "./good-caller/good-caller.js";
import { type Measurement, measure } from "./measure.js";
import { checkGoodCaller, checkLatencies, printTable } from "./report.js";

// All abuses, or those that are named. With --long each takes as long as an abuse needs to show what it
// does, and the service gets a minute afterwards.
const { includes, isLong } = readSuiteArguments(abuses.map(({ name }) => name));
const durations = isLong
  ? { beforeSeconds: 10, abuseSeconds: 20, recoverySeconds: 50, afterSeconds: 10 }
  : { beforeSeconds: 0.5, abuseSeconds: 2, recoverySeconds: 0, afterSeconds: 0.5 };
const warmUpMs = isLong ? 15_000 : 2000;
const keys = 20_000;

const checks = createChecks();
const measurements: Measurement[] = [];
const good = freshToken("good", "manage");
const calculate = freshToken("abuser", "calculate");
const manage = freshToken("managing-abuser", "manage");
const file = createTokensFile(good, calculate, manage);
const tokens = { calculate: calculate.token, manage: manage.token };
const settings = {
  AUTH_TOKENS_FILE: file.path,
  MAX_CONNECTIONS: String(maxConnections),
  // As in the image: glibc returns freed memory to the system.
  MALLOC_MMAP_THRESHOLD_: "65536",
  MALLOC_TRIM_THRESHOLD_: "131072",
};
try {
  await withTestedService(
    settings,
    async (service) => {
      const goodCaller = await startGoodCaller(service.grpc, service.http, good.token);
      const abuser = startAbuser();
      try {
        await sleep(warmUpMs);
        for (const abuse of abuses.filter(({ name }) => includes(name))) {
          const callers = { goodCaller, abuser };
          const measurement = await measure(abuse, service, callers, tokens, durations).catch(
            async (error: Error) => {
              const logged = await readLoggedErrors(service.logPath);
              checks.check(
                `the service stays alive during ${abuse.name}`,
                false,
                `${error.message}\n${logged.join("\n")}`,
              );
            },
          );
          // Nothing can be measured without the service.
          if (measurement === undefined) break;
          measurements.push(measurement);
          checkGoodCaller(checks, measurement);
          if (isLong) checkLatencies(checks, measurement);
        }
      } finally {
        abuser.stop();
        goodCaller.stop();
      }
    },
    (knex) => fillBook(knex, keys),
  );
} finally {
  file.remove();
}
printTable(measurements);
checks.print();
process.exitCode = checks.failed() === 0 ? 0 : 1;
