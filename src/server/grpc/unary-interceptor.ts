import * as grpc from "@grpc/grpc-js";
import type { SentStatus } from "./status.js";

/** Serves one call when its message is there, which is whatever the method's definition made of it. */
export type ServeUnary = (call: UnaryCall, message: unknown) => void;

/** The unary methods, by their paths. */
export type UnaryCalls = Map<string, ServeUnary>;

/**
 * Has unary calls of these methods, by their paths, served without what grpc-js builds for handlers: a
 * stream, an event emitter, and an answer in two writes. Its handlers for them are never called.
 */
export function serveUnaryCalls(methods: Readonly<UnaryCalls>): grpc.ServerInterceptor {
  return ({ path }, call) => {
    const serve = methods.get(path);
    return serve === undefined ? (call as grpc.ServerInterceptingCall) : new UnaryCall(call, serve);
  };
}

/** A unary call: what it has brought, and how it is answered, once. */
export class UnaryCall extends grpc.ServerInterceptingCall {
  readonly #call: grpc.ServerInterceptingCallInterface;
  readonly #serve: ServeUnary;
  #metadata: grpc.Metadata | undefined;
  #message: unknown;
  #onCancelled: (() => void) | undefined;
  cancelled = false;

  constructor(call: grpc.ServerInterceptingCallInterface, serve: ServeUnary) {
    super(call);
    this.#call = call;
    this.#serve = serve;
  }

  get metadata(): grpc.Metadata {
    this.#metadata ??= new grpc.Metadata();
    return this.#metadata;
  }

  once(_: "cancelled", listener: () => void): void {
    this.#onCancelled = listener;
  }

  answer(message: Buffer, trailers?: grpc.Metadata): void {
    this.#onCancelled = undefined;
    this.#call.sendMessage(message, ignore);
    // At once: the message and the end of the answer then go in one write.
    this.#call.sendStatus({ code: grpc.status.OK, details: "OK", metadata: trailers ?? null });
  }

  refuse(status: SentStatus): void {
    this.#onCancelled = undefined;
    this.#call.sendStatus(status);
  }

  /** Listens itself, in the place of what grpc-js would build. */
  override start(): void {
    this.#call.start(this);
  }

  onReceiveMetadata(metadata: grpc.Metadata): void {
    this.#metadata = metadata;
    this.#call.startRead();
  }

  onReceiveMessage(message: unknown): void {
    if (this.#message === undefined) {
      this.#message = message;
      this.#call.startRead();
    } else this.refuse(notOneMessage);
  }

  onReceiveHalfClose(): void {
    if (this.#message === undefined) this.refuse(notOneMessage);
    else this.#serve(this, this.#message);
  }

  /** Also when the answer has gone out: to nobody then. */
  onCancel(): void {
    this.cancelled = true;
    this.#onCancelled?.();
  }
}

function ignore(): void {}

/** As grpc-js refuses it for handlers of its own; put into our terms with all that it refuses. */
const notOneMessage: SentStatus = { code: grpc.status.UNIMPLEMENTED, details: "" };
