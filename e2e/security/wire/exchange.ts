/** What is sent: a request of HTTP, whatever its version. */
export type Sent = {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

/** What came back, as it came. */
export type Received =
  | {
      readonly status: number;
      readonly headers: ReadableHeaders;
      readonly trailers: ReadableHeaders;
      readonly body: Buffer;
    }
  /** No whole answer: the stream was reset, the connection closed, or nothing came in time. */
  | { readonly lost: string };

export type ReadableHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** A way to exchange with a listener, over connections that are kept. */
export type Wire = {
  readonly exchange: (sent: Sent) => Promise<Received>;
  readonly close: () => void;
};

/** How long an answer is waited for. */
export const patienceMs = 20_000;
