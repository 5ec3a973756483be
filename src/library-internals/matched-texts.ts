/*
 * The texts of libraries that decide something, since these errors have no code. All others are
 * distinguished by codes and names. `matched-texts.test.ts` pins each of them.
 */

/** pg: a connection that ended, or could not be made in time, or is used after that. */
export const pgConnectionLost =
  /(?:^| - )(?:Connection terminated|timeout expired|Client (?:has encountered a connection|was closed))/;

/** pg: a connection that could not be made within `connectionTimeoutMillis`. */
export const pgConnectTimeout = "timeout expired";
