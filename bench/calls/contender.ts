import type { DatabaseConnection } from "../../src/store/connection/pool.js";
import { answerJobs } from "../support/load-process.js";
import { contenders } from "./contenders.js";

/** The contender to start in this process, and its database. */
export type ContenderJob = {
  readonly name: keyof typeof contenders;
  readonly connection: DatabaseConnection;
};

/** The port of a contender, and the process whose time is measured. */
export type ContenderPlace = { readonly port: number; readonly processId: number };

answerJobs<ContenderJob, ContenderPlace>(async ({ name, connection }) => ({
  port: await contenders[name](connection),
  processId: process.pid,
}));
