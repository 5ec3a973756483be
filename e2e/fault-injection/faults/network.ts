import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Environment } from "../environment/environment.js";
import type { Fault } from "./fault.js";

/** Faults of the connections between the service and PostgreSQL. */
export const networkFaults: readonly Fault[] = [
  {
    name: "connections-cut",
    what: "connections cut",
    times: 6,
    affects: "writes",
    strike: async ({ proxies }) => {
      for (const { cutConnections } of proxies) cutConnections();
    },
  },
  {
    name: "connections-rejected",
    what: "connections cut and rejected for 2 s",
    times: 2,
    affects: "writes",
    strike: async ({ proxies }) => {
      for (const { faults, cutConnections } of proxies) {
        faults.rejectsConnections = true;
        cutConnections();
      }
      await sleep(2000);
      for (const { faults } of proxies) faults.rejectsConnections = false;
    },
  },
  {
    name: "blackholed",
    what: "network silent for 5 s, connections lost",
    times: 1,
    affects: "calculations",
    strike: async ({ proxies }) => {
      for (const { faults, stallConnections } of proxies) {
        faults.isSilent = true;
        stallConnections();
      }
      await sleep(5000);
      for (const { faults } of proxies) faults.isSilent = false;
    },
  },
  {
    name: "connections-forgotten",
    what: "connections silent for good, new ones not",
    times: 3,
    affects: "writes",
    strike: async ({ proxies }) => {
      for (const { stallConnections } of proxies) stallConnections();
    },
  },
  {
    name: "one-cut-off",
    what: "one replica cut off for 5 s",
    times: 1,
    affects: "calculations",
    strike: async ({ proxies: [first] }) => {
      if (first === undefined) throw new Error("there is no network");
      first.faults.isSilent = true;
      await sleep(5000);
      first.faults.isSilent = false;
    },
  },
  {
    name: "book-locked",
    what: "the book's row locked for 5 s",
    times: 1,
    affects: "writes",
    strike: async (environment) => {
      const session = await connect(environment);
      await session.query("begin; select from price_book for update");
      await sleep(5000);
      await session.end();
    },
  },
  {
    name: "slots-taken",
    what: "all of the server's sessions taken for 3 s",
    times: 1,
    // A replica that reconnects quickly notices nothing.
    affects: "nothing",
    strike: async (environment) => {
      const sessions: pg.Client[] = [];
      for (const { cutConnections } of environment.proxies) cutConnections();
      const isOver = performance.now() + 3000;
      while (performance.now() < isOver) {
        await connect(environment).then(
          (session) => sessions.push(session),
          () => sleep(20),
        );
      }
      await Promise.all(sessions.map((session) => session.end()));
    },
  },
];

async function connect({ postgres }: Environment): Promise<pg.Client> {
  const client = new pg.Client(postgres.connection);
  client.on("error", () => undefined);
  await client.connect();
  return client;
}
