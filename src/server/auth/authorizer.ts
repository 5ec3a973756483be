import { anonymous, type Caller } from "../../domain/caller.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import { type CallLog, recordRejectedCall, toUnhandledCall } from "../calls/call-log.js";
import type { FindHeader } from "../calls/request-id.js";
import type { Authenticator } from "./authenticator.js";
import { requireRole } from "./roles.js";

/**
 * Authorizes calls before their messages are read. Each listener calls it first; the wrapped
 * handlers reject every call that no listener has authorized.
 */
export type Authorizer = {
  /**
   * Returns the caller of a method. `path` is as in URLs:
   * `/llmprices.v1.PricingService/CalculateCharge`. Returns a promise only if the token must be
   * verified asynchronously. Records in `client`, the record of the call's connection, that its caller
   * is authenticated.
   *
   * @throws ConnectError when the token is missing or invalid, or the caller lacks the required
   *   role. The rejected call has then been counted and logged.
   */
  readonly authorize: (
    path: string,
    findHeader: FindHeader,
    client?: AuthenticatedClient,
  ) => Caller | Promise<Caller>;
};

/** Records that one of the callers on a connection is authenticated. */
export type AuthenticatedClient = { readonly authenticate: () => void };

/** Used when no authentication is configured. */
export const allowEveryone: Authorizer = {
  authorize: (_path, _findHeader, client) => {
    client?.authenticate();
    return anonymous;
  },
};

/**
 * Authorizes callers that the authenticator identifies. Authorizes everyone for public methods, and
 * for all methods if there is no authenticator.
 */
export function createAuthorizer(
  authenticator: Authenticator | undefined,
  { isPublic, callLog }: AuthorizerSettings,
): Authorizer {
  if (authenticator === undefined) return allowEveryone;
  return {
    authorize: (path, findHeader, client) => {
      if (isPublic(path)) return anonymous;
      const rpc = path.slice(1);
      let caller: Caller | undefined;
      const check = (found: Caller) => {
        caller = found;
        client?.authenticate();
        requireRole(found, rpc);
        return found;
      };
      const reject = (error: unknown): never => {
        const failure = toConnectError(error);
        recordRejectedCall(callLog, toUnhandledCall(rpc, findHeader, caller), failure);
        throw failure;
      };
      try {
        const found = authenticator.authenticate(findHeader("authorization"));
        return found instanceof Promise ? found.then(check).catch(reject) : check(found);
      } catch (error) {
        return reject(error);
      }
    },
  };
}

export type AuthorizerSettings = {
  /** Returns whether a method needs no token. */
  readonly isPublic: (path: string) => boolean;
  readonly callLog: CallLog;
};
