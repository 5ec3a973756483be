/** What a caller may do: `calculate` allows calculations and reads, `manage` allows everything. */
export type Role = "calculate" | "manage";

/** The authenticated caller. A caller without a role may do nothing. */
export type Caller = {
  readonly name: string;
  readonly role: Role | undefined;
  /** Equal for all calls that share the capacity of one caller. */
  readonly limitKey: string;
};

export function createCaller(name: string, role: Role | undefined): Caller {
  return { name, role, limitKey: `name ${name}` };
}

/** The caller of every call when no authentication is configured. */
export const anonymous: Caller = createCaller("anonymous", "manage");

/** Returns an anonymous caller with its own capacity: that of its certificate or address. */
export function anonymousFrom(origin: string): Caller {
  return { ...anonymous, limitKey: `from ${origin}` };
}

/** Returns true for a valid caller name. The price book stores the name with each change. */
export function isCallerName(name: unknown): name is string {
  return typeof name === "string" && /^[\x21-\x7e]{1,200}$/.test(name);
}

/** Returns the role with this name, or undefined. */
export function findRole(text: unknown): Role | undefined {
  return text === "calculate" || text === "manage" ? text : undefined;
}
