import { Agent, request as httpRequest } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { toFrame } from "../../src/server/error-answers.js";
import { forgetEndedStreams } from "../../src/server/stream-table.js";
import { makeObjectsYoung } from "../../src/server/young-objects.js";
import { answerJobs } from "../support/load-process.js";
import { jsonRequest, path, request } from "./message.js";

/** So many calls of CalculateCharge, many at a time. */
export type CallsJob = {
  readonly protocol: "gRPC" | "Connect JSON";
  readonly port: number;
  readonly calls: number;
};

/** How long they took, and the first wrong answer, if there was any. */
export type CallsRun = { readonly seconds: number; readonly problem: string | undefined };

makeObjectsYoung();
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

/** As little as gRPC needs, so that the load does not wait for itself: grpc-js' client takes longer. */
function grpcCaller(port: number): Caller {
  const sessions = Array.from({ length: connections }, () => connect(`http://127.0.0.1:${port}`));
  // What its garbage costs must not be what keeps a server waiting.
  sessions.forEach(forgetEndedStreams);
  let calls = 0;
  const headers = {
    ...{ ":method": "POST", ":path": path },
    ...{ "content-type": "application/grpc+proto", te: "trailers" },
  };
  const body = toFrame(0, request);
  return {
    call: () =>
      new Promise((resolve, reject) => {
        calls += 1;
        const stream = (sessions[calls % connections] as ClientHttp2Session).request(headers);
        let answer = "";
        let status = "no grpc-status";
        stream.setEncoding("latin1");
        stream.on("data", (chunk) => {
          answer += chunk;
        });
        stream.on("trailers", (trailers) => {
          status = String(trailers["grpc-status"]);
        });
        stream.on("error", reject);
        stream.on("close", () => resolve(status === "0" ? answer : `grpc-status ${status}`));
        stream.end(body);
      }),
    close: () => {
      for (const session of sessions) session.close();
    },
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

/** So many calls are open at a time: enough for neither side to wait for the other. */
const lanes = 128;
const connections = 4;
