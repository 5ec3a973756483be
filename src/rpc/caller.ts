import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Caller } from "../domain/caller.js";

/** What the doors have found out about a call. Undefined: nothing, and so it is not served. */
export const callerKey = createContextKey<Caller | undefined>(undefined, {
  description: "who makes the call",
});

/** Who makes a call, as recorded with what the call changes. */
export function callerName({ values }: Pick<HandlerContext, "values">): string {
  return values.get(callerKey)?.name ?? "unknown";
}
