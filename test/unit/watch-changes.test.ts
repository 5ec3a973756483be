import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { expect } from "chai";
import { watchChanges } from "../../src/cli/client/watch-changes.js";
import {
  PricingService,
  type WatchLLMPriceChangesResponseSchema,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";

type Response = MessageInitShape<typeof WatchLLMPriceChangesResponseSchema>;

/** A message with a change of each version. Without `complete` its last version continues. */
function message(versions: readonly string[], complete?: bigint): Response {
  const llmPriceChanges = versions.map((text) => ({
    bookVersion: BigInt(Number.parseInt(text, 10)),
    revision: { reason: text },
  }));
  return { llmPriceChanges, ...(complete !== undefined && { bookVersion: complete }) };
}

/** A call: what the service sends, and how it ends. */
type Call = { readonly messages: readonly Response[]; readonly end?: Code };

/** Watches a service that answers one call after the other. */
async function watch(calls: readonly Call[], expectedChanges: number) {
  const afterVersions: bigint[] = [];
  const lost: string[] = [];
  const transport = createRouterTransport(({ service }) =>
    service(PricingService, {
      async *watchLLMPriceChanges({ afterBookVersion }) {
        const call = calls[afterVersions.length];
        afterVersions.push(afterBookVersion);
        yield* call?.messages ?? [];
        if (call?.end !== undefined) throw new ConnectError("ended", call.end);
      },
    }),
  );
  const stop = new AbortController();
  const received: string[] = [];
  const changes = watchChanges(
    { pricing: createClient(PricingService, transport) },
    {
      afterBookVersion: 4n,
      signal: stop.signal,
      onConnectionLost: ({ message }) => lost.push(message),
    },
  );
  for await (const batch of changes) {
    received.push(...batch.map(({ revision }) => String(revision?.reason)));
    if (received.length >= expectedChanges) stop.abort();
  }
  return { received, afterVersions, lost };
}

describe("watchChanges", () => {
  it("continues after the last complete version when the stream ends at the limit", async () => {
    const result = await watch(
      [
        { messages: [message(["5"], 5n), message([], 6n)], end: Code.DeadlineExceeded },
        { messages: [message(["7"], 7n)] },
      ],
      2,
    );
    expect(result).to.deep.equal({ received: ["5", "7"], afterVersions: [4n, 6n], lost: [] });
  });

  it("yields a change once when the stream ends within a version", async () => {
    const result = await watch(
      [
        { messages: [message(["5a", "5b"]), message(["5c"])], end: Code.Unavailable },
        // The messages may be split differently.
        { messages: [message(["5a"]), message(["5b", "5c", "5d"])], end: Code.Unavailable },
        { messages: [message(["5a", "5b", "5c", "5d", "5e"], 5n), message(["6"], 6n)] },
      ],
      6,
    );
    expect(result.received).to.deep.equal(["5a", "5b", "5c", "5d", "5e", "6"]);
    expect(result.afterVersions).to.deep.equal([4n, 4n, 4n]);
    expect(result.lost).to.have.length(2);
  });

  it("continues when the stream ends without an error", async () => {
    const { received } = await watch(
      [{ messages: [message(["5"], 5n)] }, { messages: [message(["6"], 6n)] }],
      2,
    );
    expect(received).to.deep.equal(["5", "6"]);
  });

  it("throws when the first call fails, and for an error that another try cannot help", async () => {
    const codeOf = (calls: readonly Call[]) =>
      watch(calls, 9).then(
        () => undefined,
        (error: unknown) => ConnectError.from(error).code,
      );
    expect(await codeOf([{ messages: [], end: Code.Unavailable }])).to.equal(Code.Unavailable);
    const messages = [message(["5"], 5n)];
    expect(await codeOf([{ messages, end: Code.Unauthenticated }])).to.equal(Code.Unauthenticated);
  });
});
