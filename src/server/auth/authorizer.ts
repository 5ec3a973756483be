import { anonymous, type Caller } from "../../domain/caller.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import { type CallLog, recordRejectedCall, toUnhandledCall } from "../calls/call-log.js";
import type { FindHeader } from "../calls/request-id.js";
import type { Authenticator } from "./authenticator.js";
import { requireRole } from "./roles.js";

/**
 * Lets calls in, before anything of them is read. Each door asks it first; the handlers, wrapped,
 * serve nobody whom no door has let in.
 */
export type Authorizer = {
  /**
   * Who calls a method, named as in URLs (`/llmprices.v1.PricingService/CalculateCharge`): at once
   * where that is known at once.
   *
   * @throws ConnectError when the caller shows no valid token or has not the role that it takes; the
   *   call has then been counted and logged.
   */
  readonly authorize: (path: string, findHeader: FindHeader) => Caller | Promise<Caller>;
};

/** Where no authentication is configured. */
export const allowEveryone: Authorizer = { authorize: () => anonymous };

/** Admits callers whom the authenticator knows; to what is public, and without one, all. */
export function createAuthorizer(
  authenticator: Authenticator | undefined,
  { isPublic, callLog: observer }: AuthorizerSettings,
): Authorizer {
  if (authenticator === undefined) return allowEveryone;
  return {
    authorize: (path, findHeader) => {
      if (isPublic(path)) return anonymous;
      const rpc = path.slice(1);
      let caller: Caller | undefined;
      const check = (found: Caller) => {
        caller = found;
        requireRole(found, rpc);
        return found;
      };
      const refuse = (error: unknown): never => {
        const failure = toConnectError(error);
        recordRejectedCall(observer, toUnhandledCall(rpc, findHeader, caller), failure);
        throw failure;
      };
      try {
        const found = authenticator.authenticate(findHeader("authorization"));
        return found instanceof Promise ? found.then(check).catch(refuse) : check(found);
      } catch (error) {
        return refuse(error);
      }
    },
  };
}

export type AuthorizerSettings = {
  /** Whether a method is everyone's. */
  readonly isPublic: (path: string) => boolean;
  readonly callLog: CallLog;
};
