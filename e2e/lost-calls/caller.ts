import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fromBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { type Status, StatusSchema } from "../../src/gen/google/rpc/status_pb.js";
import { folderOf, type Stack } from "./stacks.js";

/** An error that a caller has received. */
export type Failure = {
  /** The name of its code, such as UNAVAILABLE, or `exception` for an error without a code. */
  readonly code: string;
  readonly text: string;
  /** The status with the details of the service, undefined if the error has none. */
  readonly status: Status | undefined;
};

/** A program that calls with one client library, 8 calls at a time, on one channel. */
export type Caller = {
  readonly stack: Stack;
  /** The errors of all calls but the first two, so far. */
  readonly failures: readonly Failure[];
  /** A line for each response that was wrong. */
  readonly wrong: readonly string[];
  /** The errors of the two first calls, which are the longest that the service sends. */
  readonly worst: readonly Failure[];
  /** Asks how many calls had the right response so far. */
  readonly countRight: () => Promise<number>;
  readonly stop: () => Promise<void>;
};

/** Starts the program of a stack with an address and encoded requests. */
export function startCaller(stack: Stack, args: readonly string[]): Caller {
  const [file = "", ...first] = stack.command;
  const child = spawn(file, [...first, ...args], {
    cwd: folderOf(stack),
    env: environment,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const failures: Failure[] = [];
  const wrong: string[] = [];
  const asked: ((right: number | Error) => void)[] = [];
  const ended = new Promise<void>((resolve) => {
    child.on("error", (error) => fail(error));
    child.on("close", () => {
      fail(new Error(`the caller of ${stack.name} has ended`));
      resolve();
    });
  });
  const fail = (error: Error) => {
    for (const answer of asked.splice(0)) answer(error);
  };
  child.stdin.on("error", fail);
  createInterface(child.stdout).on("line", (line) => {
    const [kind, ...columns] = line.split("\t");
    if (kind === "right") asked.shift()?.(Number(columns[0]));
    else if (kind === "failed") failures.push(toFailure(columns));
    else wrong.push(line);
  });
  return {
    ...{ stack, wrong },
    get worst() {
      return failures.slice(0, 2);
    },
    get failures() {
      return failures.slice(2);
    },
    countRight: () =>
      new Promise((resolve, reject) => {
        if (child.exitCode !== null) reject(new Error(`the caller of ${stack.name} has ended`));
        asked.push((right) => (right instanceof Error ? reject(right) : resolve(right)));
        child.stdin.write("\n");
      }),
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
}

function toFailure([code = "", details = "", text = ""]: readonly string[]): Failure {
  return {
    code: nameOf(code),
    text: Buffer.from(text, "hex").toString(),
    status: details === "" ? undefined : fromBinary(StatusSchema, Buffer.from(details, "hex")),
  };
}

/** Returns the name that gRPC has for a numeric code. */
function nameOf(code: string): string {
  const name = Code[Number(code)];
  if (name === undefined) return code;
  return name === "Canceled"
    ? "CANCELLED"
    : name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}

/** Without a proxy, which some libraries use for loopback too. */
const { http_proxy: _, https_proxy: __, grpc_proxy: ___, ...environment } = process.env;
