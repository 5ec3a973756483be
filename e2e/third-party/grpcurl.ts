import { readFileSync } from "node:fs";
import { expect } from "chai";
import { CatalogService } from "../../src/gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { RateService } from "../../src/gen/llmprices/v1/rate_service_pb.js";
import * as calls from "./calls.js";
import type { Checks } from "./checks.js";
import { outputOf, run } from "./command.js";

/** Checks that grpcurl describes and calls the service, by reflection and by the proto files. */
export async function checkGrpcurl({ check }: Checks, address: string): Promise<void> {
  const ask = (...args: string[]) => outputOf("grpcurl", ["-plaintext", address, ...args]);
  const call = (method: string, data: string, ...options: string[]) =>
    outputOf("grpcurl", ["-plaintext", ...options, "-d", data, address, method]);

  await check("grpcurl lists the services", async () => {
    expect(linesOf(await ask("list"))).to.have.members([
      "grpc.health.v1.Health",
      CatalogService.typeName,
      PricingService.typeName,
      RateService.typeName,
    ]);
  });
  for (const service of [CatalogService, PricingService, RateService]) {
    await check(`grpcurl lists the methods of ${service.name}`, async () => {
      const methods = service.methods.map(({ name }) => `${service.typeName}.${name}`);
      expect(linesOf(await ask("list", service.typeName))).to.have.members(methods);
    });
    await check(`grpcurl describes ${service.name} with every comment`, async () => {
      const described = commentsOf(await ask("describe", service.typeName));
      expect(described).to.deep.equal(
        commentsOf(sourceOf(`${service.file.name}.proto`, "service")),
      );
      const names = service.methods.map(({ name }) => name);
      expect([...described.keys()]).to.have.members([service.name, ...names]);
    });
  }
  await check("grpcurl describes a message with every comment", async () => {
    const described = commentsOf(await ask("describe", "llmprices.v1.CalculateChargeRequest"));
    const source = sourceOf(pricingFile, "message CalculateChargeRequest");
    expect(described).to.deep.equal(commentsOf(source));
    expect(described.get("as_of")).to.deep.equal([
      "// The time to price at, past or future, truncated to milliseconds. Unset: now. A future time is",
      "// priced with what is scheduled for it now.",
    ]);
  });

  await check("grpcurl calls by reflection", async () => {
    calls.expectCharge(await call(calls.calculateCharge, calls.charge));
  });
  const protos = ["proto", "node_modules/google-proto-files"];
  const withFiles = [...protos.flatMap((path) => ["-import-path", path]), "-proto", pricingFile];
  await check("grpcurl calls by the proto files", async () => {
    calls.expectCharge(await call(calls.calculateCharge, calls.charge, ...withFiles));
  });
  for (const [how, options] of Object.entries({ reflection: [], "the proto files": withFiles })) {
    await check(`grpcurl streams both ways by ${how}`, async () => {
      calls.expectAllocation(await call(calls.streamAllocateCharges, calls.allocation, ...options));
    });
  }
  for (const [how, options] of Object.entries({ reflection: [], "the proto files": withFiles })) {
    await check(`grpcurl lists and watches changes by ${how}`, async () => {
      calls.expectChanges(await call(calls.listChanges, "{}", ...options));
      const limited = ["-plaintext", "-max-time", "3", ...options, "-d", "{}", address];
      const { exitCode, stdout } = await run("grpcurl", [...limited, calls.watchChanges]);
      calls.expectChanges(stdout);
      // The stream stays open until shortly before the client's deadline.
      expect(exitCode).to.equal(0);
    });
  }
  await check("grpcurl shows what is missing, with its details decoded", async () => {
    const args = ["-plaintext", "-d", calls.missing, address, calls.calculateCharge];
    const { exitCode, stderr } = await run("grpcurl", args);
    expect(exitCode).to.equal(64 + notFound);
    expect(stderr)
      .to.match(/Code: NotFound/)
      .and.match(/did you mean .*claude-sonnet-4-5/);
    expect(stderr).to.include('"reason": "PRICE_NOT_FOUND"');
  });
}

function linesOf(text: string): string[] {
  return text.trim().split("\n");
}

/** Returns the comments of a declaration by name. */
function commentsOf(text: string): ReadonlyMap<string, readonly string[]> {
  const comments = new Map<string, readonly string[]>();
  let pending: string[] = [];
  for (const line of linesOf(text).map((each) => each.trim())) {
    if (line.startsWith("//")) {
      pending.push(line);
      continue;
    }
    const name = /(\w+) *[({=]/.exec(line)?.[1];
    if (name !== undefined && pending.length > 0) comments.set(name, pending);
    pending = [];
  }
  return comments;
}

/** Returns a declaration of a proto file with its comment. */
function sourceOf(path: string, declaration: string): string {
  const text = readFileSync(new URL(`../../proto/${path}`, import.meta.url), "utf8");
  const blocks = text.split(/^(?=\/\/)(?<=\n\n)/m);
  const block = blocks.find((each) => new RegExp(`^${declaration} `, "m").test(each));
  if (block === undefined) throw new Error(`${path} has no ${declaration}`);
  return block.slice(0, block.search(/^\}/m));
}

const pricingFile = "llmprices/v1/pricing_service.proto";
const notFound = 5;
