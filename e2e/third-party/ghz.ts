import { expect } from "chai";
import * as calls from "./calls.js";
import type { Checks } from "./checks.js";
import { outputOf } from "./command.js";

/** Checks that ghz loads the gRPC server and reports a response to every call. */
export async function checkGhz({ check }: Checks, address: string): Promise<void> {
  const load = async (data: string, ...options: string[]) => {
    const size = ["-n", String(total), "-c", "10", "--format", "json"];
    const args = ["--insecure", ...options, "--call", calls.calculateCharge, "-d", data, ...size];
    return JSON.parse(await outputOf("ghz", [...args, address]));
  };

  const paths = "proto,node_modules/google-proto-files";
  const byFiles = ["--proto", "proto/llmprices/v1/pricing_service.proto", "--import-paths", paths];
  for (const [how, options] of Object.entries({ reflection: [], "the proto files": byFiles })) {
    await check(`ghz counts ${total} answers and no error by ${how}`, async () => {
      const { count, statusCodeDistribution, errorDistribution } = await load(
        calls.charge,
        ...options,
      );
      expect({ count, statusCodeDistribution, errorDistribution }).to.deep.equal({
        count: total,
        statusCodeDistribution: { OK: total },
        errorDistribution: {},
      });
    });
  }
  await check(`ghz counts ${total} errors where the price is missing`, async () => {
    const { statusCodeDistribution } = await load(calls.missing);
    expect(statusCodeDistribution).to.deep.equal({ NotFound: total });
  });
}

const total = 500;
