import { Agent, request as httpRequest } from "node:http";
import * as grpc from "@grpc/grpc-js";
import { answerJobs } from "../support/load-process.js";
import { jsonRequest, path, request } from "./message.js";

/** So many calls of CalculateCharge, fifty at a time. */
export type CallsJob = {
  readonly protocol: "gRPC" | "Connect JSON";
  readonly port: number;
  readonly calls: number;
};

/** How long they took, and the first wrong answer, if there was any. */
export type CallsRun = { readonly seconds: number; readonly problem: string | undefined };

answerJobs<CallsJob, CallsRun>(async ({ protocol, port, calls }) => {
  const { call, close } = protocol === "gRPC" ? grpcCaller(port) : jsonCaller(port);
  let problem: string | undefined;
  let left = calls;
  const startedAt = performance.now();
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      const answer = await call();
      if (!answer.includes("312.8125")) problem ??= answer;
    }
  };
  try {
    await Promise.all(Array.from({ length: lanes }, lane));
  } finally {
    close();
  }
  return { seconds: (performance.now() - startedAt) / 1000, problem };
});

type Caller = { readonly call: () => Promise<string>; readonly close: () => void };

function grpcCaller(port: number): Caller {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const same = (message: Buffer) => message;
  return {
    call: () =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, same, same, request, (error, answer) => {
          if (answer === undefined) reject(error);
          else resolve(answer.toString("latin1"));
        });
      }),
    close: () => client.close(),
  };
}

function jsonCaller(port: number): Caller {
  const agent = new Agent({ keepAlive: true, maxSockets: lanes });
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

const lanes = 50;
