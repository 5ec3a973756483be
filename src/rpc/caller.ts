import { createContextKey, type HandlerContext } from "@connectrpc/connect";

/** What a caller may do: `calculate` is to calculate and to read, `manage` is everything. */
export type Role = "calculate" | "manage";

/** Who makes a call. A role of undefined allows nothing. */
export type Caller = { readonly name: string; readonly role: Role | undefined };

/** Where no authentication is configured, this is everyone. */
export const anonymous: Caller = { name: "anonymous", role: "manage" };

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
