import { Agent, request as httpRequest } from "node:http";
import { toFrame } from "../../src/server/connect/error-response.js";
import { openFrameCaller } from "../support/http2-frames.js";
import { answerJobs } from "../support/load-process.js";
import { jsonRequest, path, request } from "./message.js";

/** Makes a number of CalculateCharge calls, many at a time. */
export type CallsJob = {
  readonly protocol: "gRPC" | "Connect JSON";
  readonly port: number;
  readonly calls: number;
};

/** The duration of all calls, and the first wrong response, if any. */
export type CallsRun = { readonly seconds: number; readonly problem: string | undefined };

answerJobs<CallsJob, CallsRun>(async ({ protocol, port, calls }) => {
  const { call, close } = protocol === "gRPC" ? grpcCaller(port) : jsonCaller(port);
  let problem: string | undefined;
  let left = calls;
  const startedAt = performance.now();
  const callRepeatedly = async () => {
    while (left > 0) {
      left -= 1;
      const response = await call();
      if (!response.includes("312.8125")) problem ??= response;
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, callRepeatedly));
  } finally {
    close();
  }
  return { seconds: (performance.now() - startedAt) / 1000, problem };
});

type Caller = { readonly call: () => Promise<string>; readonly close: () => void };

function grpcCaller(port: number): Caller {
  const body = Buffer.from(toFrame(0, request));
  const callers = Array.from({ length: connections }, () => openFrameCaller(port, path, body));
  let calls = 0;
  return {
    call: async () => {
      calls += 1;
      // A call that fails has no message.
      return String(await callers[calls % connections]?.call());
    },
    close: () => {
      for (const caller of callers) caller.close();
    },
  };
}

function jsonCaller(port: number): Caller {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(jsonRequest),
  };
  return {
    call: () =>
      new Promise((resolve, reject) => {
        const sent = httpRequest(
          { ...{ host: "127.0.0.1", port, path, agent, headers, method: "POST" } },
          (response) => {
            let text = "";
            response.on("data", (chunk) => {
              text += chunk;
            });
            response.on("end", () => resolve(text));
          },
        );
        sent.on("error", reject);
        sent.end(jsonRequest);
      }),
    close: () => agent.destroy(),
  };
}

/** The calls that are open at a time: enough that neither side waits for the other. */
const concurrency = 128;
const connections = 4;
