import { spawn } from "node:child_process";
import type { OsUser } from "./os-user.js";

// The end of its input is our death, whatever the cause: the system closes our end of the pipe.
const SCRIPT = 'while read -r line; do :; done; kill -INT "$1"';

/**
 * Has a shell stop the server `pid` as soon as our process has died without doing so.
 * Returns what ends the watch, to be called when the server has ended.
 */
export function startParentWatchdog(pid: number, user: OsUser | undefined): () => void {
  const shell = spawn("/bin/sh", ["-c", SCRIPT, "llmprices-watch", String(pid)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
    env: {},
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  });
  // Without a shell there is no watch, and the next start deals with the orphan.
  shell.on("error", () => undefined);
  shell.stdin.on("error", () => undefined);
  shell.unref();
  (shell.stdin as import("node:net").Socket).unref();
  return () => void shell.kill("SIGKILL");
}
