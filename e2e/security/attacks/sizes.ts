import { constants, createBrotliCompress, createGzip } from "node:zlib";
import type { DescMethod } from "@bufbuild/protobuf";
import { CatalogService } from "../../../src/gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { toFrame } from "../../../src/server/connect/error-response.js";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import type { Attack } from "../attack.js";
import { concurrently } from "../support/concurrently.js";
import { readAnswer } from "../wire/answer.js";
import type { Sent } from "../wire/exchange.js";
import { headersOf, isFramed, type Protocol, protocols } from "../wire/protocols.js";
import { count } from "../wire/verdict.js";

/** Messages, headers and lengths that are too large, also compressed. */
export const sizesAttack: Attack = {
  name: "sizes",
  writes: "none",
  run: async (target, counter) => {
    const bombs = await packBombs();
    for (const protocol of protocols) {
      const wire = protocol.open(target);
      const attempts = methods.flatMap((method) => oversize(protocol, method, bombs));
      await concurrently(attempts.length, concurrency, async (index) => {
        const { what, sent } = attempts[index] as Attempt;
        const answer = readAnswer(await wire.exchange(sent));
        const how = `${what}, ${protocol.name} ${sent.path}`;
        count(counter, answer, {
          ...{ how, sent: what, mayBeLost: true },
          whyWrong: () => "it was answered",
        });
      });
      wire.close();
    }
  },
};

type Attempt = { readonly what: string; readonly sent: Sent };
type Bombs = Readonly<Record<"gzip" | "br", Buffer>>;

function oversize(protocol: Protocol, method: DescMethod, bombs: Bombs): readonly Attempt[] {
  const headers = headersOf(protocol, method);
  const path = pathOf(method);
  const isInFrames = isFramed(protocol, method);
  const large = Buffer.alloc(5 * 1024 * 1024, " ");
  const attempt = (what: string, body: Buffer, more: Readonly<Record<string, string>> = {}) => ({
    what,
    sent: { path, headers: { ...headers, ...more }, body },
  });
  const framed = (flag: number, data: Buffer) =>
    isInFrames ? Buffer.from(toFrame(flag, data)) : data;
  const name = isInFrames
    ? protocol.speaks === "Connect"
      ? "connect-content-encoding"
      : "grpc-encoding"
    : "content-encoding";
  return [
    attempt("5 MiB", framed(0, large)),
    ...Object.entries(bombs).map(([encoding, bomb]) =>
      attempt(`a bomb of ${encoding}`, framed(1, bomb), { [name]: encoding }),
    ),
    ...(isInFrames ? [attempt("a length of 4 GiB", Buffer.from("00ffffffff00", "hex"))] : []),
    ...headerSizes.map((bytes) =>
      attempt(`a header of ${bytes} bytes`, framed(0, Buffer.alloc(0)), { x: "y".repeat(bytes) }),
    ),
    attempt("a thousand headers", framed(0, Buffer.alloc(0)), manyHeaders),
  ];
}

/** Compresses a gigabyte of zeros to a few megabytes and to a few kilobytes. */
async function packBombs(): Promise<Bombs> {
  const pack = async (packer: NodeJS.ReadWriteStream) => {
    const packed: Buffer[] = [];
    packer.on("data", (chunk: Buffer) => packed.push(chunk));
    const zeros = Buffer.alloc(bombBytes / 64);
    for (let i = 0; i < 64; i += 1) {
      await new Promise<void>((resolve) => packer.write(zeros, () => resolve()));
    }
    await new Promise<void>((resolve) => packer.on("end", resolve).end());
    return Buffer.concat(packed);
  };
  const quality = { [constants.BROTLI_PARAM_QUALITY]: 1 };
  return {
    gzip: await pack(createGzip({ level: 1 })),
    br: await pack(createBrotliCompress({ params: quality })),
  };
}

const methods = [
  PricingService.method.calculateCharge,
  PricingService.method.allocateCharges,
  PricingService.method.streamAllocateCharges,
  PricingService.method.importLLMPrices,
  CatalogService.method.createProvider,
];
const bombBytes = 1024 ** 3;
const headerSizes = [20_000, 70_000, 1_000_000];
const manyHeaders = Object.fromEntries(
  Array.from({ length: 1000 }, (_, index) => [`x-${index}`, "y".repeat(50)]),
);
const concurrency = 6;
