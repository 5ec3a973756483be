import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type Failure, toFailure } from "./failure.js";
import { folderOf, type Stack } from "./stacks.js";
import { worstRequests } from "./worst-errors.js";

/** A program that calls with one client library, 8 calls at a time, on one channel. */
export type Caller = {
  readonly stack: Stack;
  /** Returns the errors of the first calls, those of `worstRequests`. */
  readonly worst: () => readonly Failure[];
  /** Returns the errors of all other calls so far. */
  readonly failures: () => readonly Failure[];
  /** A line for each response that was wrong. */
  readonly wrong: readonly string[];
  /** Asks how many calls had the right response so far. */
  readonly countRight: () => Promise<number>;
  readonly stop: () => Promise<void>;
};

/**
 * Starts the program of a stack, which calls the service at an address. It sends the worst requests
 * first, and then `charge`, an encoded request, again and again with other costs. Its price is 2.
 */
export function startCaller(stack: Stack, address: string, charge: Uint8Array): Caller {
  const [file = "", ...args] = stack.command;
  const messages = [charge, ...worstRequests.map(({ message }) => message)];
  const encoded = messages.map((message) => Buffer.from(message).toString("hex"));
  const child = spawn(file, [...args, address, ...encoded], {
    cwd: folderOf(stack),
    env: environment,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const failures: Failure[] = [];
  const wrong: string[] = [];
  let asked: { resolve: (right: number) => void; reject: (error: Error) => void }[] = [];
  let end: Error | undefined;
  const endWith = (error: Error) => {
    end ??= error;
    for (const { reject } of asked) reject(end);
    asked = [];
  };
  child.on("error", endWith);
  child.stdin.on("error", endWith);
  const ended = once(child, "close").then(() => endWith(new Error(`${file} has ended`)));
  createInterface(child.stdout).on("line", (line) => {
    const [kind, ...columns] = line.split("\t");
    if (kind === "right") asked.shift()?.resolve(Number(columns[0]));
    else if (kind === "failed") failures.push(toFailure(columns));
    else wrong.push(line);
  });
  return {
    ...{ stack, wrong },
    worst: () => failures.slice(0, worstRequests.length),
    failures: () => failures.slice(worstRequests.length),
    countRight: () =>
      new Promise((resolve, reject) => {
        if (end !== undefined) return reject(end);
        asked.push({ resolve, reject });
        child.stdin.write("\n");
      }),
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
}

/** Without a proxy, which some libraries use for loopback too. */
const { http_proxy: _, https_proxy: __, grpc_proxy: ___, ...environment } = process.env;
