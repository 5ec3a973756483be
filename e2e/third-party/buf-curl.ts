import { expect } from "chai";
import * as calls from "./calls.js";
import type { Checks } from "./checks.js";
import { outputOf, run } from "./command.js";

/** Checks that buf curl speaks all three protocols to both listeners. */
export async function checkBufCurl(
  { check }: Checks,
  grpcAddress: string,
  httpAddress: string,
): Promise<void> {
  const prior = "--http2-prior-knowledge";
  const ways: Record<string, [string, ...string[]]> = {
    "gRPC, GRPC_ADDR, by reflection": [grpcAddress, "--protocol", "grpc", prior],
    "gRPC, GRPC_ADDR": [grpcAddress, "--schema", ".", "--protocol", "grpc", prior],
    "gRPC, HTTP_ADDR": [httpAddress, "--schema", ".", "--protocol", "grpc", prior],
    "gRPC-Web, HTTP/1.1": [httpAddress, "--schema", ".", "--protocol", "grpcweb"],
    "gRPC-Web, HTTP/2": [httpAddress, "--schema", ".", "--protocol", "grpcweb", prior],
    "Connect, HTTP/1.1": [httpAddress, "--schema", ".", "--protocol", "connect"],
    "Connect, HTTP/2": [httpAddress, "--schema", ".", "--protocol", "connect", prior],
  };
  for (const [way, [address, ...options]] of Object.entries(ways)) {
    const call = (method: string, data: string) =>
      ["curl", ...options, "-d", data, `http://${address}/${method}`] as const;
    await check(`buf curl calls: ${way}`, async () => {
      calls.expectCharge(await outputOf(buf, call(calls.calculateCharge, calls.charge)));
    });
    await check(`buf curl shows what is missing: ${way}`, async () => {
      const { exitCode, stderr } = await run(buf, call(calls.calculateCharge, calls.missing));
      // It multiplies the code, so that it is not taken for one of its own.
      expect(exitCode).to.equal(notFound * 8);
      const { code, message, details } = JSON.parse(stderr);
      expect(code).to.equal("not_found");
      expect(message).to.match(/did you mean .*claude-sonnet-4-5/);
      expect(details.map(({ type }: { type: string }) => type)).to.deep.equal([
        "google.rpc.ErrorInfo",
        "llmprices.v1.LLMPriceSuggestions",
      ]);
    });
    // It streams both ways over HTTP/2 only.
    if (!options.includes(prior)) continue;
    await check(`buf curl streams both ways: ${way}`, async () => {
      calls.expectAllocation(
        await outputOf(buf, call(calls.streamAllocateCharges, calls.allocation)),
      );
    });
  }
}

const buf = "node_modules/.bin/buf";
const notFound = 5;
