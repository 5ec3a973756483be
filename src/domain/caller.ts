/** What a caller may do: `calculate` is to calculate and to read, `manage` is everything. */
export type Role = "calculate" | "manage";

/** Who makes a call. A role of undefined allows nothing. */
export type Caller = { readonly name: string; readonly role: Role | undefined };

/** Where no authentication is configured, this is everyone. */
export const anonymous: Caller = { name: "anonymous", role: "manage" };

/** Whether a text may be the name of a caller, as the book keeps it with what the caller changes. */
export function isCallerName(name: unknown): name is string {
  return typeof name === "string" && /^[\x21-\x7e]{1,200}$/.test(name);
}

/** The role that a text names, if it does. */
export function findRole(text: unknown): Role | undefined {
  return text === "calculate" || text === "manage" ? text : undefined;
}
