import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Caller } from "../../domain/caller.js";

/** Of calls that failed before it was known who made them. */
export const unknownCaller = { name: "unknown" } as const;

/** What the doors have found out about a call. Undefined: nothing, and so it is not served. */
export const callerKey = createContextKey<Caller | undefined>(undefined, {
  description: "who makes the call",
});

/** Who makes a call, as recorded with what the call changes. */
export function callerName({ values }: Pick<HandlerContext, "values">): string {
  return (values.get(callerKey) ?? unknownCaller).name;
}
