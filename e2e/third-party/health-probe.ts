import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { serviceNames } from "../../src/server/calls/service-names.js";
import type { Checks } from "./checks.js";
import { run } from "./command.js";

/** Checks the exit codes of grpc-health-probe, which an orchestrator uses. */
export async function checkHealthProbe(
  { check }: Checks,
  address: string,
  unreadyAddress: string,
): Promise<void> {
  const probe = async (target: string, service = "", patience = "30s") => {
    const { exitCode, stderr } = await run("grpc-health-probe", [
      ...["-addr", target, "-service", service],
      ...["-connect-timeout", patience, "-rpc-timeout", patience],
    ]);
    return { exitCode, says: stderr.trim() };
  };

  for (const service of ["", ...serviceNames]) {
    await check(`grpc-health-probe exits 0: ${service || "the server"} is serving`, async () => {
      expect(await probe(address, service)).to.deep.equal({ exitCode: 0, says: "status: SERVING" });
    });
  }
  await check("grpc-health-probe exits 4 while the database is away", async () => {
    const { exitCode, says } = await probe(unreadyAddress);
    expect(exitCode).to.equal(4);
    expect(says).to.include("NOT_SERVING");
  });
  await check("grpc-health-probe exits 3 for a service that there is not", async () => {
    const { exitCode, says } = await probe(address, "llmprices.v1.NoService");
    expect(exitCode).to.equal(3);
    expect(says).to.include("NotFound");
  });
  await check("grpc-health-probe exits 2 where nothing listens", async () => {
    const { exitCode } = await probe(`127.0.0.1:${await findClosedPort()}`, "", "1s");
    expect(exitCode).to.equal(2);
  });
}

async function findClosedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
