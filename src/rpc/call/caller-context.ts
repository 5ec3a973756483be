import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import { type Caller, createCaller } from "../../domain/caller.js";

/** The caller of a call that failed before its caller was known. It has no role. */
export const unknownCaller: Caller = createCaller("unknown", undefined);

/** Where authentication stores the caller of a call. Undefined: the call is rejected. */
export const callerKey = createContextKey<Caller | undefined>(undefined, {
  description: "who makes the call",
});

export function callerOf({ values }: Pick<HandlerContext, "values">): Caller {
  return values.get(callerKey) ?? unknownCaller;
}

/** Returns the name of the caller, which is recorded with the changes of the call. */
export function callerName(context: Pick<HandlerContext, "values">): string {
  return callerOf(context).name;
}
