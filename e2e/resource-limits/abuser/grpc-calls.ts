import { setTimeout as sleep } from "node:timers/promises";
import type { DescMethod } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { same } from "../../../bench/support/calls.js";
import { formatAddress } from "../../../src/config/address.js";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import { type AbuseContext, repeatedly } from "../abuse.js";

/** A call of an abuser. */
export type AbusiveCall = {
  readonly method: DescMethod;
  readonly message: Buffer;
  readonly deadlineMs?: number;
  /** When the client cancels the call. */
  readonly cancelAfterMs?: number;
};

type Calls = {
  readonly role: "calculate" | "manage";
  readonly connections: number;
  /** How many calls are open at a time, over all connections. */
  readonly concurrency: number;
};

/** Repeats unary calls until the signal aborts. */
export function repeatCalls(
  context: AbuseContext,
  calls: Calls,
  next: (index: number) => AbusiveCall,
): Promise<void> {
  let index = 0;
  return withClients(context, calls, (client, metadata) => {
    index += 1;
    const { method, message, deadlineMs = patienceMs, cancelAfterMs } = next(index);
    return new Promise((resolve) => {
      const options = { deadline: Date.now() + deadlineMs };
      const call = client.makeUnaryRequest(
        pathOf(method),
        ...([same, same, message, metadata, options] as const),
        (error) => {
          clearTimeout(timer);
          context.signal.removeEventListener("abort", cancel);
          resolve(outcomeOf(error));
        },
      );
      const cancel = () => call.cancel();
      const timer = cancelAfterMs === undefined ? undefined : setTimeout(cancel, cancelAfterMs);
      context.signal.addEventListener("abort", cancel);
    });
  });
}

/** Repeats streams until the signal aborts: sends the messages, and then waits for the service. */
export function repeatStreams(
  context: AbuseContext,
  calls: Calls,
  path: string,
  messages: () => Iterable<Buffer>,
): Promise<void> {
  return withClients(context, calls, (client, metadata) => {
    const options = { deadline: Date.now() + patienceMs };
    const stream = client.makeBidiStreamRequest(path, same, same, metadata, options);
    const ended = endOf(stream, context);
    void sendMessages(stream, messages(), ended);
    return ended;
  });
}

/** Repeats streams of responses until the signal aborts: each reads until the service ends it. */
export function repeatWatches(
  context: AbuseContext,
  calls: Calls,
  path: string,
  message: Buffer,
): Promise<void> {
  return withClients(context, calls, (client, metadata) => {
    const options = { deadline: Date.now() + patienceMs };
    const parameters = [path, same, same, message, metadata, options] as const;
    return endOf(client.makeServerStreamRequest(...parameters), context);
  });
}

/** Reads a stream. Returns its outcome when it has ended, and cancels it when the signal aborts. */
function endOf(
  stream: grpc.ClientReadableStream<Buffer> | grpc.ClientDuplexStream<Buffer, Buffer>,
  { signal }: AbuseContext,
): Promise<string> {
  const cancel = () => stream.cancel();
  signal.addEventListener("abort", cancel);
  const ended = new Promise<string>((resolve) => {
    stream.on("data", () => {});
    stream.on("error", (error: grpc.ServiceError) => resolve(outcomeOf(error)));
    stream.on("end", () => resolve("OK"));
  });
  return ended.finally(() => signal.removeEventListener("abort", cancel));
}

async function sendMessages(
  stream: grpc.ClientDuplexStream<Buffer, Buffer>,
  messages: Iterable<Buffer>,
  ended: Promise<unknown>,
): Promise<void> {
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  for (const message of messages) {
    const isAccepted = new Promise((resolve) => stream.write(message, resolve));
    await Promise.race([isAccepted, ended]);
    if (isOver) return;
  }
}

async function withClients(
  { grpc: address, tokens, signal, count }: AbuseContext,
  { role, connections, concurrency }: Calls,
  call: (client: grpc.Client, metadata: grpc.Metadata) => Promise<string>,
): Promise<void> {
  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${tokens[role]}`);
  const clients = Array.from({ length: connections }, () => {
    const credentials = grpc.credentials.createInsecure();
    return new grpc.Client(formatAddress(address), credentials, ownConnection);
  });
  await repeatedly(concurrency, signal, async (line) => {
    const outcome = await call(clients[line % connections] as grpc.Client, metadata);
    count(outcome);
    // Until the next attempt to connect, each call fails at once.
    if (outcome === "UNAVAILABLE") await sleep(20);
  });
  for (const client of clients) client.close();
}

function outcomeOf(error: grpc.ServiceError | null): string {
  return error === null ? "OK" : (grpc.status[error.code] ?? String(error.code));
}

const ownConnection = {
  "grpc.use_local_subchannel_pool": 1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 200,
  "grpc.max_receive_message_length": -1,
};
const patienceMs = 60_000;
