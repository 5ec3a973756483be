import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { Decimal } from "../../src/domain/decimal.js";
import {
  BatchCalculateChargesRequestSchema,
  BatchCalculateChargesResponseSchema,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { answerJobs } from "../support/load-process.js";
import { linesABatch, path, request } from "./message.js";

/** So many batches: sent to a port, or, without one, just decoded, multiplied and encoded here. */
export type BatchesJob = { readonly port: number | undefined; readonly batches: number };

/** The processor time that this process took, and the first wrong answer, if there was any. */
export type BatchesRun = { readonly seconds: number; readonly problem: string | undefined };

answerJobs<BatchesJob, BatchesRun>(async ({ port, batches }) => {
  const before = process.cpuUsage();
  const { call, close } = port === undefined ? floor : grpcCaller(port);
  let problem: string | undefined;
  for (let i = 0; i < batches; i += 1) problem ??= findProblem(await call());
  close();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (user + system) / 1e6, problem };
});

type Caller = { readonly call: () => Promise<Uint8Array>; readonly close: () => void };

/** What a batch takes at least, with the same libraries: no look-up, no check, no gRPC. */
const floor: Caller = {
  call: async () => {
    const { requests } = fromBinary(BatchCalculateChargesRequestSchema, request);
    const results = requests.map((each) => {
      const ratio = new Decimal(String(each.usageRatio.value));
      const charge = new Decimal(each.providerCost).times(markup).times(ratio);
      const answer = { ...constant, accountCharge: charge.toFixed(), markup: markup.toFixed() };
      return { result: { case: "charge", value: answer } } as const;
    });
    return toBinary(
      BatchCalculateChargesResponseSchema,
      create(BatchCalculateChargesResponseSchema, { results, bookVersion: 1n }),
    );
  },
  close: () => {},
};

function grpcCaller(port: number): Caller {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const same = (message: Buffer) => message;
  return {
    call: () =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, same, same, request, (error, answer) => {
          if (answer === undefined) reject(error);
          else resolve(answer);
        });
      }),
    close: () => client.close(),
  };
}

/** Line 400 costs 400.0004 × 1.25125 × 0.25. */
function findProblem(answer: Uint8Array): string | undefined {
  const { results } = fromBinary(BatchCalculateChargesResponseSchema, answer);
  const { result } = results[400] ?? {};
  const charge = result?.case === "charge" ? result.value.accountCharge : "none";
  if (results.length === linesABatch && charge === "125.125125125") return undefined;
  return `${results.length} results, charge 400 is ${charge}`;
}

const markup = new Decimal("1.25125");
const constant = {
  exact: true,
  asOf: { seconds: 1_795_629_457n, nanos: 801_000_000 },
  appliedPrice: {
    llmPriceId: "03f36b3c-4ad8-4e4f-9f5c-3f93bbde20af",
    effectiveFrom: { seconds: 1_767_225_600n, nanos: 0 },
    bookVersion: 1n,
  },
};
