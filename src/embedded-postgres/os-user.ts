import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** The OS user of PostgreSQL's processes, when it differs from the user of this process. */
export type OsUser = { readonly name: string; readonly uid: number; readonly gid: number };

const run = promisify(execFile);
const NAME = "postgres";
// After a plain `su` the PATH of root lacks the sbin directories.
const SYSTEM = { cwd: "/", env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" } };

// shadow-utils first, then BusyBox (Alpine).
const CREATION: readonly (readonly string[])[] = [
  ["groupadd", "--system", "--force", NAME],
  ["useradd", "--system", "--gid", NAME, "--no-create-home", NAME],
  ["addgroup", "-S", NAME],
  ["adduser", "-S", "-D", "-H", "-G", NAME, NAME],
];

/**
 * Finds or creates the OS user `postgres` when this process is root, because PostgreSQL does not
 * run as root. Returns undefined for an ordinary user, which runs PostgreSQL itself.
 *
 * @throws Error when the user does not exist and cannot be created.
 */
export async function ensureOsUser(log: (message: string) => void): Promise<OsUser | undefined> {
  if (process.geteuid?.() !== 0) return undefined;
  const existing = await findUser();
  if (existing !== undefined) return existing;
  const created = await createUser();
  log(`PostgreSQL does not run as root: created the OS user "${NAME}" (uid ${created.uid}) for it`);
  return created;
}

async function findUser(): Promise<OsUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([
      run("id", ["-u", NAME], SYSTEM),
      run("id", ["-g", NAME], SYSTEM),
    ]);
    return { name: NAME, uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

async function createUser(): Promise<OsUser> {
  const failures: string[] = [];
  for (const [command = "", ...args] of CREATION) {
    await run(command, args, SYSTEM).catch((error: Error) => failures.push(error.message.trim()));
    // Check for the user instead of the exit codes: another process may create it at the same time.
    const user = await findUser();
    if (user !== undefined) return user;
  }
  throw new Error(
    `PostgreSQL does not run as root, and the OS user "${NAME}" could not be created ` +
      `(${failures.join("; ")}). Create it, or run as an ordinary user, or set DATABASE_URL.`,
  );
}
