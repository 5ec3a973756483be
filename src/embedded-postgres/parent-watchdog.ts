import { spawn } from "node:child_process";
import type { OsUser } from "./os-user.js";

// The shell's input ends when this process ends, for any reason: the system closes the pipe.
const SCRIPT = 'while read -r line; do :; done; kill -INT "$1"';

/**
 * Starts a shell that stops the server `pid` if this process dies without stopping it. Returns a
 * function that ends the shell; call it when the server has ended.
 */
export function startParentWatchdog(pid: number, user: OsUser | undefined): () => void {
  const shell = spawn("/bin/sh", ["-c", SCRIPT, "llmprices-watch", String(pid)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
    env: {},
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  });
  // Without a shell there is no watchdog, and the next start stops the orphaned server.
  shell.on("error", () => undefined);
  shell.stdin.on("error", () => undefined);
  shell.unref();
  (shell.stdin as import("node:net").Socket).unref();
  return () => void shell.kill("SIGKILL");
}
