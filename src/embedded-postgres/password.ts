import { randomBytes } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Returns the superuser's password from `<dataDir>/postgres-password`, or undefined without the
 * file.
 */
export async function findPassword(dataDir: string): Promise<string | undefined> {
  try {
    return (await readFile(passwordFile(dataDir), "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Returns the password, and generates it when it is missing. Concurrent processes get the same one.
 */
export async function ensurePassword(dataDir: string): Promise<string> {
  const found = await findPassword(dataDir);
  if (found !== undefined) return found;
  const password = randomBytes(24).toString("base64url");
  const draft = `${passwordFile(dataDir)}.${randomBytes(6).toString("hex")}`;
  try {
    await writeFile(draft, `${password}\n`, { mode: 0o600, flag: "wx" });
    // Unlike a rename, a link never replaces the password that another process has just written.
    await link(draft, passwordFile(dataDir));
    return password;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return ensurePassword(dataDir);
  } finally {
    await rm(draft, { force: true });
  }
}

function passwordFile(dataDir: string): string {
  return join(dataDir, "postgres-password");
}
