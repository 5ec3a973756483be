/*
 * The texts of libraries that decide something, since these errors have no code. All others are
 * distinguished by codes and names. `matched-texts.test.ts` pins each of them.
 */

/** pg: a connection that ended, or could not be made in time, or is used after that. */
export const pgConnectionLost =
  /(?:^| - )(?:Connection terminated|timeout expired|Client (?:has encountered a connection|was closed))/;

/** pg: a connection that could not be made within `connectionTimeoutMillis`. */
export const pgConnectTimeout = "timeout expired";

/**
 * Returns whether the client has reset the HTTP/2 stream of a call. connect-node derives the error's
 * code from that of the reset, which the client chooses: INTERNAL, for example.
 */
export function isStreamReset({ rawMessage }: { readonly rawMessage: string }): boolean {
  return rawMessage.startsWith("http/2 stream closed with error code");
}
