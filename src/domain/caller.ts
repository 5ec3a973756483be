/** What a caller may do: `calculate` allows calculations and reads, `manage` allows everything. */
export type Role = "calculate" | "manage";

/** The authenticated caller. A caller without a role may do nothing. */
export type Caller = { readonly name: string; readonly role: Role | undefined };

/** The caller of every call when no authentication is configured. */
export const anonymous: Caller = { name: "anonymous", role: "manage" };

/** Returns true for a valid caller name. The price book stores the name with each change. */
export function isCallerName(name: unknown): name is string {
  return typeof name === "string" && /^[\x21-\x7e]{1,200}$/.test(name);
}

/** Returns the role with this name, or undefined. */
export function findRole(text: unknown): Role | undefined {
  return text === "calculate" || text === "manage" ? text : undefined;
}
