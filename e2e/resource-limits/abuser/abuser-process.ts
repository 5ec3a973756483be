import { setMaxListeners } from "node:events";
import { setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { answerJobs } from "../../../bench/support/load-process.js";
import { findAbuse } from "../abuses.js";
import type { AbuserJob, Outcomes } from "./abuser.js";

// The work of the abuser itself must not slow down the measured processes more than necessary.
setPriority(10);

answerJobs<AbuserJob, Outcomes>(async ({ abuse, seconds, target }) => {
  const outcomes = new Map<string, number>();
  const count = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  const end = new AbortController();
  // Each open call and connection listens to it.
  setMaxListeners(0, end.signal);
  setTimeout(() => end.abort(), seconds * 1000);
  const work = findAbuse(abuse).run({ ...target, count, signal: end.signal });
  // An abuse that does not end must not keep the suite waiting: its process is stopped.
  await Promise.race([work, sleep((seconds + 5) * 1000)]);
  return outcomes;
});
