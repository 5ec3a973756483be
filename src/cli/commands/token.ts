import { createHash, randomBytes } from "node:crypto";
import { isCallerName, type Role } from "../../domain/caller.js";
import { usageError } from "../exit-codes.js";
import { print } from "../output/print.js";

/**
 * Prints a new random token and, on the next line, its entry for AUTH_TOKENS_FILE. The entry holds
 * only the token's hash: the token itself is stored nowhere.
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
  // The prefix lets secret scanners find a token that was committed.
  const token = `llmp_${randomBytes(32).toString("base64url")}`;
  const sha256 = createHash("sha256").update(token).digest("hex");
  await print([token, JSON.stringify({ name, role, sha256 })]);
}
