/** A request of HTTP/1.1 or HTTP/2. */
export type Sent = {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

/** The undecoded response. */
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

/** Sends requests to a listener over persistent connections. */
export type Wire = {
  readonly exchange: (sent: Sent) => Promise<Received>;
  readonly close: () => void;
};

/** The time to wait for a response. */
export const patienceMs = 20_000;
