import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Caller } from "../../domain/caller.js";

/** The caller of a call that failed before its caller was known. */
export const unknownCaller = { name: "unknown" } as const;

/** Where authentication stores the caller of a call. Undefined: the call is rejected. */
export const callerKey = createContextKey<Caller | undefined>(undefined, {
  description: "who makes the call",
});

/** Returns the name of the caller, which is recorded with the changes of the call. */
export function callerName({ values }: Pick<HandlerContext, "values">): string {
  return (values.get(callerKey) ?? unknownCaller).name;
}
