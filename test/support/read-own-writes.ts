import type { Interceptor } from "@connectrpc/connect";

/**
 * Makes calculations use the latest write of the same clients, as a caller does who passes the
 * `book_version` of a write as `min_book_version`. Leaves calculations that have a version unchanged.
 */
export function readOwnWrites(): Interceptor {
  let written = 0n;
  return (next) => async (request) => {
    if (calculations.has(request.method.name) && written > 0n) {
      const message = request.stream
        ? withVersion(request.message as AsyncIterable<Calculation>, written)
        : addVersion(request.message as Calculation, written);
      return next({ ...request, message } as typeof request);
    }
    const response = await next(request);
    if (reads.test(request.method.name)) return response;
    const record = (message: object) => {
      const { bookVersion = 0n } = message as { readonly bookVersion?: bigint };
      if (bookVersion > written) written = bookVersion;
    };
    if (!response.stream) {
      record(response.message);
      return response;
    }
    // Of a client stream, the only response.
    const message = recordEach(response.message, record);
    return { ...response, message } as typeof response;
  };
}

async function* recordEach<T extends object>(
  messages: AsyncIterable<T>,
  record: (message: T) => void,
) {
  for await (const message of messages) {
    record(message);
    yield message;
  }
}

type Terms = { minBookVersion?: bigint; bookVersion?: bigint };
type Calculation = Terms & { terms?: Terms };

function addVersion(message: Calculation, version: bigint): Calculation {
  const terms = "terms" in message ? message.terms : message;
  if (terms !== undefined && terms.bookVersion === undefined) terms.minBookVersion ||= version;
  return message;
}

/** The first message has the terms. */
async function* withVersion(messages: AsyncIterable<Calculation>, version: bigint) {
  let isFirst = true;
  for await (const message of messages) {
    yield isFirst ? addVersion(message, version) : message;
    isFirst = false;
  }
}

const calculations: ReadonlySet<string> = new Set([
  ...["CalculateCharge", "BatchCalculateCharges", "ExplainLLMPrice"],
  ...["AllocateCharges", "StreamAllocateCharges", "RateUsage", "BatchRateUsage"],
  "RepriceCharges",
]);
const reads = /^(Get|List|Watch)/;
