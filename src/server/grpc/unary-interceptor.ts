import * as grpc from "@grpc/grpc-js";
import type { SentStatus } from "./status.js";

/** Serves one call after its message has arrived, as the method's definition deserialized it. */
export type ServeUnary = (call: UnaryCall, message: unknown) => void;

/** The unary methods, by their paths. */
export type UnaryCalls = Map<string, ServeUnary>;

/**
 * Serves unary calls of these methods without grpc-js's handlers, which are never called. Saves the
 * stream and the event emitter that grpc-js creates for each call, and the second write of each
 * response.
 */
export function serveUnaryCalls(methods: Readonly<UnaryCalls>): grpc.ServerInterceptor {
  return ({ path }, call) => {
    const serve = methods.get(path);
    return serve === undefined ? (call as grpc.ServerInterceptingCall) : new UnaryCall(call, serve);
  };
}

/** A unary call: its metadata and message, and the methods that send its one response or error. */
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

  respond(message: Buffer, trailers?: grpc.Metadata): void {
    this.#onCancelled = undefined;
    this.#call.sendMessage(message, ignore);
    // Without waiting for the message: both then go out in one write.
    this.#call.sendStatus({ code: grpc.status.OK, details: "OK", metadata: trailers ?? null });
  }

  sendError(status: SentStatus): void {
    this.#onCancelled = undefined;
    this.#call.sendStatus(status);
  }

  /** Registers this object as the listener, instead of the one that grpc-js would create. */
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
    } else this.sendError(notOneMessage);
  }

  onReceiveHalfClose(): void {
    if (this.#message === undefined) this.sendError(notOneMessage);
    else this.#serve(this, this.#message);
  }

  /** grpc-js also calls this after the response has been sent: no listener is registered then. */
  onCancel(): void {
    this.cancelled = true;
    this.#onCancelled?.();
  }
}

function ignore(): void {}

/**
 * The code that grpc-js's own handlers use. The error interceptor translates, counts and logs it
 * like grpc-js's other errors.
 */
const notOneMessage: SentStatus = { code: grpc.status.UNIMPLEMENTED, details: "" };
