import { createHash, randomBytes } from "node:crypto";
import { isCallerName, type Role } from "../../domain/caller.js";
import { usageError } from "../exit-codes.js";
import { print } from "../output/print.js";

/**
 * Prints a token that nobody has had, and in the next line what AUTH_TOKENS_FILE needs of it: the
 * token itself is kept nowhere.
 *
 * @throws Failure
 */
export async function runTokenCreate(
  name: string,
  { role }: { readonly role: Role },
): Promise<void> {
  if (!isCallerName(name)) {
    throw usageError(
      `<name> is ${JSON.stringify(name)}; expected 1 to 200 visible ASCII characters`,
    );
  }
  // The prefix lets scanners for secrets find one that was committed.
  const token = `llmp_${randomBytes(32).toString("base64url")}`;
  const sha256 = createHash("sha256").update(token).digest("hex");
  await print([token, JSON.stringify({ name, role, sha256 })]);
}
